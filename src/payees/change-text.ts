/** What a payee asks for. Amounts and addresses as the request has them. */
export interface WantedChange {
  readonly destination?: string | undefined;
  readonly intervalMs?: number | undefined;
  readonly minimum?: string | undefined;
  /** Asks for an API key of the payee. */
  readonly apiKey?: boolean | undefined;
  /** Cancels the change that is pending. */
  readonly cancel?: boolean | undefined;
}

/**
 * The text a payee signs, as an ADR-36 document with the key of its address: eight lines joined by `\n`, none at the end.
 * Values stand as in the request, `-` for one that is absent, `yes` for one that is true.
 */
export function changeText(payeeId: string, wanted: WantedChange, nonce: string, expiresAt: string): string {
  return [
    `Lockstep payee ${payeeId}`,
    `destination: ${wanted.destination ?? '-'}`,
    `intervalMs: ${wanted.intervalMs ?? '-'}`,
    `minimum: ${wanted.minimum ?? '-'}`,
    `apiKey: ${wanted.apiKey === true ? 'yes' : '-'}`,
    `cancel: ${wanted.cancel === true ? 'yes' : '-'}`,
    `nonce: ${nonce}`,
    `expiresAt: ${expiresAt}`,
  ].join('\n');
}
