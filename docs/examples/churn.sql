-- What a shop knows of its subscribers, made up: one row each time somebody looked at a customer.
create table public.subscriptions (
    id bigint generated always as identity primary key,
    customer_id integer not null,
    seen_at timestamptz not null,
    plan text not null,
    logins integer not null,
    tickets integer not null,
    months integer not null,
    churned boolean,
    known_at timestamptz
);

-- As every table of a Supabase project should: else its Data API may show it to anybody.
alter table public.subscriptions enable row level security;

comment on column public.subscriptions.seen_at is 'when the other columns were true';
comment on column public.subscriptions.churned is 'left within 30 days; null: nobody knows yet';
comment on column public.subscriptions.known_at is 'when that became known';

-- One look an hour, for five and a half months. The same figures each time it runs.
select setseed(0.7) \g /dev/null

insert into public.subscriptions (customer_id, seen_at, plan, logins, tickets, months)
select
    (random() * 100000)::integer,
    now() - hours_ago * interval '1 hour',
    (array['monthly', 'monthly', 'yearly'])[1 + floor(random() * 3)::integer],
    floor(random() * 40)::integer,
    floor(random() * random() * 8)::integer,
    1 + floor(random() * 48)::integer
from generate_series(4000, 1, -1) as hours_ago;

-- Who logs in rarely or complains a lot leaves; who pays by the year stays. Of the last five days no
-- answer is in yet: churn_changes.sql brings them.
update public.subscriptions
set
    known_at = seen_at + interval '30 days',
    churned = random() < 1 / (1 + exp(
        0.25 * (logins - 12) - 0.9 * tickets + case plan when 'yearly' then 2 else 0 end
    ))
where seen_at < now() - interval '35 days';
