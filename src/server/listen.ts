// Opens the app on a loopback address and ends it gracefully. Main thread.
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { isLoopbackName } from './plugins/local-only.js';

export interface ListenOptions {
  app: FastifyInstance;
  /** `localhost`, `::1`, or 127.x.y.z. */
  host: string;
  /** 0 takes any free port. */
  port: number;
}

export interface RunningServer {
  /** `http://HOST:PORT` */
  readonly url: string;
  readonly port: number;
  /**
   * The graceful end: new generations get 503 and /health says `draining`, those under way finish within `timeoutMs` or
   * are cancelled, then everything closes. Idempotent; a later call with a shorter time hurries the first.
   */
  drain(timeoutMs: number): Promise<void>;
}

/** The server cannot listen where it was told to; the message says what to do. */
export class ListenError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'ListenError';
  }
}

/** Throws ListenError. */
export async function startServer({ app, host, port }: ListenOptions): Promise<RunningServer> {
  const urlHost = loopbackUrlHost(host);
  try {
    await app.listen({ host, port });
  } catch (error) {
    throw describeListenError(error as NodeJS.ErrnoException, host, port);
  }
  const { port: boundPort } = app.server.address() as AddressInfo;
  return {
    url: `http://${urlHost}:${boundPort}`,
    port: boundPort,
    drain: async (timeoutMs) => {
      await app.inFlight.drain(timeoutMs);
      await app.close();
    },
  };
}

/** Throws the ListenError that `startServer` would, before anything slow is done for it. Port 0 is never in use. */
export async function probePort(host: string, port: number): Promise<void> {
  loopbackUrlHost(host);
  const probe = createServer();
  try {
    await once(probe.listen({ host, port }), 'listening');
  } catch (error) {
    throw describeListenError(error as NodeJS.ErrnoException, host, port);
  }
  await once(probe.close(), 'close');
}

/** The host as a URL has it. Throws ListenError for one that others can reach. */
function loopbackUrlHost(host: string): string {
  const urlHost = host.includes(':') ? `[${host}]` : host;
  if (isLoopbackName(urlHost.toLowerCase())) return urlHost;
  throw new ListenError(
    `Refusing to listen on '${host}': there is no API key, so anyone on the network could use the server. ` +
      "Listen on 127.0.0.1, ::1 or localhost; to reach it from elsewhere use a tunnel, such as 'ssh -L'.",
  );
}

function describeListenError(error: NodeJS.ErrnoException, host: string, port: number): ListenError {
  switch (error.code) {
    case 'EADDRINUSE':
      return new ListenError(
        `Port ${port} on ${host} is in use. Stop the program that has it, or choose another port (0 takes any).`,
        error,
      );
    case 'EACCES':
      return new ListenError(`No permission to listen on port ${port}. Choose one from 1024 upwards.`, error);
    case 'EADDRNOTAVAIL':
      return new ListenError(`This machine has no address ${host}.`, error);
    default:
      return new ListenError(`Cannot listen on ${host}, port ${port}: ${error.message}`, error);
  }
}
