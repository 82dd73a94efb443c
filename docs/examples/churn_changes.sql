-- Five days go by, and a competitor courts the yearly customers: who stayed before leaves now.
-- The same figures each time it runs.
select setseed(0.3) \g /dev/null

-- The answers that became due meanwhile, about customers in the table.
update public.subscriptions
set
    known_at = seen_at + interval '30 days',
    churned = random() < 1 / (1 + exp(
        0.25 * (logins - 12) - 0.9 * tickets - case plan when 'yearly' then 4 else 0 end
    ))
where churned is null and seen_at <= now() - interval '30 days';

-- And 3,000 others, one each 144 seconds of these five days, so that one need not wait for weeks.
insert into public.subscriptions (
    customer_id, seen_at, plan, logins, tickets, months, known_at, churned
)
select
    customer_id,
    known_at - interval '30 days',
    plan,
    logins,
    tickets,
    months,
    known_at,
    random() < 1 / (1 + exp(
        0.25 * (logins - 12) - 0.9 * tickets - case plan when 'yearly' then 4 else 0 end
    ))
from (
    select
        now() - answers_ago * interval '144 seconds' as known_at,
        (random() * 100000)::integer as customer_id,
        (array['monthly', 'monthly', 'yearly'])[1 + floor(random() * 3)::integer] as plan,
        floor(random() * 40)::integer as logins,
        floor(random() * random() * 8)::integer as tickets,
        1 + floor(random() * 48)::integer as months
    from generate_series(2999, 0, -1) as answers_ago
) as customer;
