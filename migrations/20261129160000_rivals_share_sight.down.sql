create or replace function experiment_shows_results(of_experiment bigint) returns boolean language plpgsql stable as $$
begin
    return (select exists (
            select from run
            where run.experiment_id = of_experiment and (
                run.state in ('succeeded', 'failed', 'cancelled') or run.lent
                or exists (select from run_metric where run_metric.run_id = run.id))));
end
$$;

create or replace function volunteer_may(of_account bigint, of_run bigint) returns boolean language sql stable as $$
    select exists (
        select from run r
          join experiment e on e.id = r.experiment_id
          join claim c on c.id = e.claim_id
          left join claim rival on rival.id = e.rival_id
          left join experiment confirmed on confirmed.id = e.confirms
        where r.id = $2 and r.state = 'queued' and r.trial is null and not r.board_only and not e.closed
          and person_of($1) <> all (array_remove(array[
              r.owner_id, person_of(e.author_id), person_of(coalesce(c.named_author_id, c.author_id)),
              person_of(coalesce(rival.named_author_id, rival.author_id)), person_of(confirmed.author_id)], null))
          and not exists (select from forecast f where f.experiment_id = e.id and f.account_id = any (accounts_of($1)))
          and not exists (select from volunteered v where v.run_id = r.id and v.account_id = any (accounts_of($1)))
          and not exists (
              select from run_attempt a join worker w on w.id = a.worker_id
              where a.run_id = r.id and w.volunteer_id = any (accounts_of($1))
                and a.outcome in ('failed', 'unable', 'lost', 'timed_out')))
$$;
