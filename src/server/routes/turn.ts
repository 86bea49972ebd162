// One generating request on its way: what its route hands from step to step.
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ServedModel } from '../../services/types.js';

export interface Turn<Body> {
  request: FastifyRequest;
  reply: FastifyReply;
  body: Body;
  model: ServedModel;
  /** Aborted when the client leaves. */
  controller: AbortController;
}
