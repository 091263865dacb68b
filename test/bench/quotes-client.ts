import { randomUUID } from 'node:crypto';
import autocannon from 'autocannon';

/** What one run is asked to do. */
export interface Load {
  readonly url: string;
  readonly key: string;
  readonly body: string;
  readonly seconds: number;
  readonly connections: number;
  /** Requests a second, sent whether answers come or not; null for as many as possible. */
  readonly rate: number | null;
}

/** What one run saw. */
export interface Seen {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly good: number;
  readonly bad: number;
}

async function run({ url, key, body, seconds, connections, rate }: Load): Promise<Seen> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
  const result = await autocannon({
    url: `${url}/v1/quotes`,
    connections,
    duration: seconds,
    ...(rate === null ? {} : { overallRate: rate }),
    requests: [
      {
        method: 'POST',
        setupRequest: (request) => ({
          ...request,
          body,
          headers: { ...headers, 'idempotency-key': randomUUID() },
        }),
      },
    ],
  });
  return {
    perSecond: result.requests.average,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    good: result['2xx'],
    bad: result.non2xx + result.errors,
  };
}

const load: Load = JSON.parse(process.argv[2] ?? '{}');
process.stdout.write(JSON.stringify(await run(load)));
