import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';

export const formatField = z
  .enum(['json', 'csv'])
  .optional()
  .meta({ description: 'Overrides the Accept header, where `text/csv` asks for CSV' });

/** Whether the caller wants CSV; if so, says in the reply that it is. */
export function asCsv(
  request: FastifyRequest,
  reply: FastifyReply,
  format: z.output<typeof formatField>,
  fileName: string,
): boolean {
  const wanted = format === 'csv' || (format === undefined && /\btext\/csv\b/i.test(request.headers.accept ?? ''));
  if (wanted) {
    void reply.header('content-type', 'text/csv; charset=utf-8; header=present');
    void reply.header('content-disposition', `attachment; filename="${fileName}.csv"`);
  }
  return wanted;
}
