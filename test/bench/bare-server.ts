import Fastify from 'fastify';

const BODY = {
  type: 'object',
  additionalProperties: false,
  required: ['payAsset', 'fix', 'lines'],
  properties: {
    payAsset: { type: 'string' },
    fix: { enum: ['duration', 'pay'] },
    duration: { type: 'string' },
    lines: { type: 'array', minItems: 1, items: { type: 'object' } },
  },
};

const ANSWER = {
  id: 'quo_AAAAAAAAAAAAAAAAAAAAAA',
  pay: { asset: 'BTC', amount: '0.00103170' },
  filler: 'x'.repeat(220),
};

/** A Fastify POST that checks the same body against a schema and answers 300 bytes: the most this machine can do. */
const fastify = Fastify();
fastify.post('/v1/quotes', { schema: { body: BODY } }, async (_request, reply) => reply.status(201).send(ANSWER));
await fastify.listen({ port: Number(process.env['PORT']), host: '127.0.0.1' });
