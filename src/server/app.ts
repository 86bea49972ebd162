// The HTTP application: `buildApp(dependencies)` puts rules, error handling and routes together. It does not listen
// (listen.ts) and does not load models. Main thread.
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
  type FastifySchemaCompiler,
  LogController,
} from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import { fromZodError } from '../schemas/validation-errors.js';
import type { ModelCatalog } from '../services/types.js';
import { ClientErrors } from './client-errors.js';
import { handleError } from './error-handler.js';
import { InFlight } from './in-flight.js';
import { addJsonBody } from './plugins/json-body.js';
import { addLocalOnlyRules } from './plugins/local-only.js';
import { addOpenApi } from './plugins/openapi.js';
import { addRequestIdHeader, requestId } from './plugins/request-id.js';
import { addRequestLog } from './plugins/request-log.js';
import { addUnknownRouteAnswers } from './plugins/unknown-routes.js';
import { addChatCompletions } from './routes/chat-completions.js';
import { addCompletions } from './routes/completions.js';
import { addHealth } from './routes/health.js';
import { addModels } from './routes/models.js';
import { addTokens } from './routes/tokens.js';

export interface AppOptions {
  models: ModelCatalog;
  version: string;
  /** A pino logger; silent without one. */
  logger?: FastifyBaseLogger;
  allowedHosts?: readonly string[];
  allowedOrigins?: readonly string[];
  /** Bytes of a request body; default 32 MiB. */
  bodyLimit?: number;
  /** Generations at a time over all models; more get 429. Default 256. */
  maxInFlight?: number;
  /** What a generation may take, its time in the queue included; after that 504. Default 0, any time. */
  requestTimeoutMs?: number;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** The generations under way; `drain` it before `close` for a graceful end. */
    inFlight: InFlight;
  }
}

/** The app as the routes see it: bodies typed by their zod schemas. */
export type ApiInstance = FastifyInstance<
  FastifyInstance['server'],
  FastifyRequest['raw'],
  Parameters<FastifyInstance['routing']>[1],
  FastifyBaseLogger,
  ZodTypeProvider
>;

const MIB = 1024 * 1024;
/** For a client to send its request, not for the answer. */
const RECEIVE_TIMEOUT_MS = 120_000;

export function buildApp(options: AppOptions): FastifyInstance {
  const clientErrors = new ClientErrors();
  const app = Fastify({
    ...(options.logger ? { loggerInstance: options.logger } : { logger: false }),
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestId,
    bodyLimit: options.bodyLimit ?? 32 * MIB,
    requestTimeout: RECEIVE_TIMEOUT_MS,
    pluginTimeout: 0, // They wait for nothing; a machine under load is slow.
    forceCloseConnections: true, // Only after `preClose`, below: no generation is cut that can still be told.
    clientErrorHandler: clientErrors.handle,
    frameworkErrors: (error, request, reply) => {
      reply.header('x-request-id', request.id);
      void handleError(error, request, reply);
    },
  });
  const inFlight = new InFlight({ limit: options.maxInFlight ?? 256, timeoutMs: options.requestTimeoutMs ?? 0 });
  app.decorate('inFlight', inFlight);
  app.addHook('preClose', () => inFlight.drain(0));

  clientErrors.watch(app);
  addJsonBody(app);
  app.setValidatorCompiler(compileZod as FastifySchemaCompiler<unknown>);
  app.setSerializerCompiler(() => JSON.stringify); // Replies are typed by their schemas, not checked at run time.
  app.setErrorHandler(handleError);
  addRequestIdHeader(app);
  addRequestLog(app);
  addLocalOnlyRules(app, { allowedHosts: options.allowedHosts ?? [], allowedOrigins: options.allowedOrigins ?? [] });
  addUnknownRouteAnswers(app);

  addOpenApi(app, options.version);
  app.register(async (routes) => addRoutes(routes.withTypeProvider<ZodTypeProvider>(), options, inFlight));
  return app;
}

function addRoutes(app: ApiInstance, { models, version }: AppOptions, inFlight: InFlight): void {
  addHealth(app, models, inFlight, version);
  addModels(app, models);
  addChatCompletions(app, models, inFlight);
  addCompletions(app, models, inFlight);
  addTokens(app, models);
}

function compileZod({ schema }: { schema: z.ZodType }) {
  return (data: unknown) => {
    const result = schema.safeParse(data, { reportInput: true });
    return result.success ? { value: result.data } : { error: fromZodError(result.error) };
  };
}
