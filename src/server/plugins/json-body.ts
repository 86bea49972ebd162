// Request bodies: UTF-8 JSON and nothing else, not compressed. Every other content type is 415, which also stops the
// cross-site requests that a browser sends without asking first.
import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { apiErrors } from '../../schemas/openai-errors.js';

export function addJsonBody(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const { 'content-encoding': encoding = 'identity' } = request.headers;
    if (encoding !== 'identity') done(apiErrors.unsupportedEncoding(encoding));
    else if (isUtf8(body)) parseJson(request, body.toString('utf8'), done);
    else done(apiErrors.unparsableBody());
  });
}
