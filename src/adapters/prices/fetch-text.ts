export interface FetchedText {
  readonly text: string;
  /** The answer's Date header (RFC 9110 section 6.6.1), or null. */
  readonly sentAt: Date | null;
}

/**
 * GETs a text. @throws on a status other than 200 (redirects included: they are not followed), on a body longer than
 * `bytesMax`, and when the whole takes longer than `timeoutMs`.
 */
export async function fetchText(url: string, limits: { timeoutMs: number; bytesMax: number }): Promise<FetchedText> {
  const response = await fetch(url, {
    redirect: 'manual',
    signal: AbortSignal.timeout(limits.timeoutMs),
    headers: { accept: 'application/json', 'user-agent': 'lockstep' },
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`HTTP status ${response.status}`);
  }
  const date = response.headers.get('date');
  const sentAt = date === null ? null : new Date(date);
  return {
    text: await bodyText(response, limits.bytesMax),
    sentAt: sentAt !== null && isValid(sentAt) ? sentAt : null,
  };
}

async function bodyText(response: Response, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw new Error(`the answer is longer than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const isValid = (date: Date): boolean => !Number.isNaN(date.getTime());
