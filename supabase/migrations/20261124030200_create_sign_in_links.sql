-- Links that sign a browser in once, and the keys that such a browser holds then.
create table private.sign_in_links (
    id uuid primary key default pg_catalog.gen_random_uuid(),
    name text not null,
    role text not null,
    token_hash text not null,
    created_at timestamptz not null default pg_catalog.clock_timestamp(),
    expires_at timestamptz not null,
    used_at timestamptz,
    constraint sign_in_links_token_is_unique unique (token_hash),
    constraint sign_in_links_token_is_sha256 check (token_hash ~ '^[0-9a-f]{64}$'),
    constraint sign_in_links_name_is_short check (pg_catalog.length(name) between 1 and 80),
    constraint sign_in_links_role_is_known check (role in ('viewer', 'operator', 'admin')),
    constraint sign_in_links_last_a_day check (expires_at <= created_at + interval '1 day')
);
comment on table private.sign_in_links is
'Links that sign a browser in once: only the SHA-256 of each token is kept.';
comment on column private.sign_in_links.name is
'Who made it, for the audit log: such as the machine that refit up runs on.';
comment on constraint sign_in_links_token_is_sha256 on private.sign_in_links is
'token_hash must be a SHA-256 in hex.';
comment on constraint sign_in_links_name_is_short on private.sign_in_links is
'name must have 1 to 80 characters.';
comment on constraint sign_in_links_role_is_known on private.sign_in_links is
'role must be viewer, operator or admin: a scheduler sees no page.';
comment on constraint sign_in_links_last_a_day on private.sign_in_links is
'expires_at must be within a day.';
create index sign_in_links_by_expiry on private.sign_in_links (expires_at);

alter table private.sign_in_links enable row level security;
revoke all on private.sign_in_links from public, anon, authenticated, service_role;
create policy "sign-in links are for the machinery alone" on private.sign_in_links
for select to authenticated using (false);

create trigger audit after insert or update on private.sign_in_links
for each row execute function private.audit_change(
    'sign_in_link', 'name', 'role', 'expires_at', 'used_at'
);

alter table private.api_keys add column is_session boolean not null default false;
comment on column private.api_keys.is_session is
'Whether a browser holds it since somebody opened a sign-in link: it ends by signing out.';
create index api_keys_of_sessions on private.api_keys (expires_at) where is_session;

select private.record_migration('20261124030200');
