/**
 * Every reason a caller can be refused: code → HTTP status and message. Total: a new code does not compile anywhere
 * until it stands here.
 */
export const REFUSALS = {
  invalid_body: [400, 'The request body is not acceptable.'],
  invalid_field: [400, 'A field has a value that is not acceptable.'],
  unknown_field: [400, 'The request has a field that is not known.'],
  invalid_amount: [400, 'An amount must be a positive plain decimal string within the decimals of its asset.'],
  invalid_address: [400, 'The address is not valid for its chain and network.'],
  own_address: [400, 'The address belongs to this service, to a token or to a chain module and cannot be paid.'],
  invalid_cursor: [400, 'The cursor was not issued for this list.'],
  invalid_idempotency_key: [
    400,
    'POST requests carry an Idempotency-Key header of 1 to 255 printable ASCII characters.',
  ],
  body_too_large: [413, 'The request body is larger than is accepted.'],
  unsupported_media_type: [415, 'Bodies are JSON, sent as application/json.'],
  unauthenticated: [401, 'The API key is missing, unknown, expired or revoked.'],
  forbidden: [403, 'The API key does not carry the scope or role this needs.'],
  not_found: [404, 'There is no such object for this API key.'],
  unknown_route: [404, 'There is no such route.'],
  method_not_allowed: [405, 'This route does not take that method.'],
  request_in_progress: [409, 'A request with this Idempotency-Key is still running; repeat it in a moment.'],
  idempotency_mismatch: [422, 'This Idempotency-Key was used before with another body.'],
  unknown_asset: [422, 'The asset is not known here.'],
  asset_not_available: [422, 'The asset does not take new business in its present state.'],
  no_price: [503, 'There are not enough fresh agreeing prices for this asset; nothing is quoted without them.'],
  no_route: [422, 'No venue can turn the pay asset into what is owed at this size.'],
  float_low: [503, 'The float this quote needs is below its low-water mark.'],
  price_moved: [409, 'The price moved against the quote by more than its stated uncertainty; ask for a new quote.'],
  quote_expired: [409, 'The quote has expired; ask for a new one.'],
  quote_taken: [409, 'The quote was taken already: one quote, one lock.'],
  exposure_cap: [503, 'The lock would exceed a risk cap; try a smaller size or later.'],
  size_limit: [422, 'The size is outside what is accepted.'],
  lease_state: [409, 'The lease is not in a state that allows this.'],
  invalid_proof: [403, 'The ownership proof is not a valid, fresh ADR-36 signature by the payee.'],
  proof_reused: [409, 'The nonce of this proof was used before.'],
  conflict: [409, 'The object was changed at the same time; read it again.'],
  duplicate: [409, 'An object with this reference exists.'],
  rate_limited: [429, 'Too many requests for this API key.'],
  not_ready: [503, 'A dependency is not available; nothing was changed.'],
} as const satisfies Record<string, readonly [status: number, message: string]>;

export type RefusalCode = keyof typeof REFUSALS;

/** What is added to a refusal: the field at fault, what would be accepted, and plain data for the caller. */
export interface RefusalDetail {
  /** JSON path of the field (`lines[0].price.amount`), header or query parameter name. */
  readonly field?: string;
  /** What would be accepted, in words. */
  readonly expected?: string;
  /** Facts for the caller; JSON values only. */
  readonly facts?: Readonly<Record<string, string | number | boolean | null>>;
}

/** The caller may not. Everything else that is thrown is a bug or an outage. */
export class Refusal extends Error {
  readonly code: RefusalCode;
  readonly detail: RefusalDetail;

  constructor(code: RefusalCode, detail: RefusalDetail = {}) {
    super(REFUSALS[code][1]);
    this.name = 'Refusal';
    this.code = code;
    this.detail = detail;
  }

  get status(): number {
    return REFUSALS[this.code][0];
  }
}
