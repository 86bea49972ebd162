// What no route takes: 405 with `allow` where another verb would do, 404 otherwise, in the shape of the API's errors.
import type { FastifyInstance } from 'fastify';
import { apiErrors } from '../../schemas/openai-errors.js';

/** Must be called before the routes are added: it learns their verbs as they come. */
export function addUnknownRouteAnswers(app: FastifyInstance): void {
  const verbsByUrl = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ url, method }) => {
    const verbs = verbsByUrl.get(url) ?? new Set();
    for (const verb of [method].flat()) verbs.add(verb);
    verbsByUrl.set(url, verbs);
  });

  app.setNotFoundHandler(async (request, reply) => {
    const path = request.url.replace(/[?#].*$/s, '');
    const verbs = findVerbs(verbsByUrl, path);
    if (!verbs || verbs.has(request.method)) throw apiErrors.unknownUrl(request.method, path);
    const allowed = [...verbs].sort().join(', ');
    reply.header('allow', allowed);
    throw apiErrors.methodNotAllowed(request.method, path, allowed);
  });
}

function findVerbs(verbsByUrl: ReadonlyMap<string, Set<string>>, path: string): Set<string> | undefined {
  for (const [url, verbs] of verbsByUrl) {
    const matches = url.endsWith('*') ? path.startsWith(url.slice(0, -1)) : path === url;
    if (matches) return verbs;
  }
  return undefined;
}
