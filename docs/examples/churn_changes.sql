-- A competitor courts the yearly customers: who stayed before leaves now. Of these 3,000 customers
-- it became known just now who left.
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
        clock_timestamp() as known_at,
        (random() * 100000)::integer as customer_id,
        (array['monthly', 'monthly', 'yearly'])[1 + floor(random() * 3)::integer] as plan,
        floor(random() * 40)::integer as logins,
        floor(random() * random() * 8)::integer as tickets,
        1 + floor(random() * 48)::integer as months
    from generate_series(1, 3000)
) as customer;
