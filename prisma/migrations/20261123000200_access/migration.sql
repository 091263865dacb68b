-- access: tenants, operators, API keys.

CREATE TABLE tenants (
  id         text PRIMARY KEY,
  name       text NOT NULL UNIQUE,
  created_at timestamptz(3) NOT NULL
);

CREATE TABLE operators (
  id         text PRIMARY KEY,
  name       text NOT NULL UNIQUE,
  created_at timestamptz(3) NOT NULL
);

-- `hash` is SHA-256 of the secret, which has 256 random bits and is never stored. Exactly one owner, as the role says.
CREATE TABLE api_keys (
  id           text PRIMARY KEY,
  role         text NOT NULL CHECK (role IN ('tenant', 'payee', 'operator')),
  tenant_id    text REFERENCES tenants (id),
  payee_id     text,
  operator_id  text REFERENCES operators (id),
  name         text NOT NULL,
  hash         bytea NOT NULL CHECK (length(hash) = 32),
  scopes       text[] NOT NULL,
  created_at   timestamptz(3) NOT NULL,
  expires_at   timestamptz(3),
  revoked_at   timestamptz(3),
  last_used_at timestamptz(3),
  CHECK (num_nonnulls(tenant_id, payee_id, operator_id) = 1),
  CHECK (CASE role WHEN 'tenant' THEN tenant_id WHEN 'payee' THEN payee_id ELSE operator_id END IS NOT NULL)
);
CREATE INDEX api_keys_tenant ON api_keys (tenant_id, id) WHERE tenant_id IS NOT NULL;
CREATE INDEX api_keys_payee ON api_keys (payee_id, id) WHERE payee_id IS NOT NULL;
CREATE INDEX api_keys_operator ON api_keys (operator_id, id) WHERE operator_id IS NOT NULL;

GRANT SELECT, INSERT ON tenants, operators TO lockstep_app;
GRANT SELECT, INSERT, UPDATE (expires_at, revoked_at, last_used_at) ON api_keys TO lockstep_app;
