"""What must hold of a model at any instant, whoever was faster and whatever was killed."""

from typing import Any

import psycopg

Sql = psycopg.AsyncConnection[tuple[Any, ...]]
_SAME = "e.xid::text::bigint %% 4294967296 = {}.xmin::text::bigint"
_STAGES = """
    select name, exclusive from stages s where s.model_id = %(model)s or (s.model_id is null
      and not exists (select from stages o where o.model_id = %(model)s and o.name = s.name))"""

# What is wrong about a model, each found by a statement that should find nothing. An event and
# what it tells of were written by one transaction.
_WRONG = {
    "an exclusive stage has two holders": """
        select stage from tenures where model_id = %(model)s and exclusive and upper_inf(held)
        group by stage having count(*) > 1""",
    "a version holds two stages": """
        select version_id from tenures where model_id = %(model)s and upper_inf(held)
        group by version_id having count(*) > 1""",
    "a deleted version holds a stage": """
        select v.number from versions v join tenures t on t.version_id = v.id
        where v.model_id = %(model)s and v.deleted_at is not null and upper_inf(t.held)""",
    "the last transition of a version does not lead to where it is": """
        select v.number from versions v
        left join tenures n on n.version_id = v.id and upper_inf(n.held)
        left join lateral (select to_stage from transitions t where t.version_id = v.id
                           order by t.at desc limit 1) t on true
        where v.model_id = %(model)s and v.deleted_at is null
          and n.stage is distinct from t.to_stage""",
    "a transition and its event do not go together": f"""
        select t.id::text from transitions t where model_id = %(model)s and 1 <> (
          select count(*) from events e join versions v on v.id = t.version_id
          where e.action = 'version.moved' and e.model_id = t.model_id
            and e.version = v.number and {_SAME.format("t")})
        union all select 'of events' where
          (select count(*) from transitions where model_id = %(model)s) <>
          (select count(*) from events where model_id = %(model)s and action = 'version.moved')""",
    "a promotion and the event of its end do not go together": f"""
        select p.id::text || p.status from promotions p where model_id = %(model)s and
          (ended_at is not null)::int <> (select count(*) from events e
          where e.subject = 'promotion:' || p.id and e.action = 'promotion.' || p.status
            and {_SAME.format("p")} and p.ended_at is not null)
        union all select subject from events where model_id = %(model)s and action in
          ('promotion.applied', 'promotion.rejected', 'promotion.cancelled', 'promotion.expired',
           'promotion.superseded', 'promotion.voided') group by subject having count(*) > 1""",
    "a promotion was applied without its transition, or the other way round": """
        select p.id from promotions p where model_id = %(model)s and
          (status = 'applied')::int <> (select count(*) from transitions t
          where t.promotion_id = p.id and t.version_id = p.version_id
            and t.kind in ('promotion', 'override'))""",
    "a review and its event do not go together": f"""
        select r.id::text from reviews r join promotions p on p.id = r.promotion_id
        where p.model_id = %(model)s and 1 <> (select count(*) from events e
          where e.action = 'promotion.reviewed' and e.subject = 'promotion:' || p.id
            and e.payload::text like '%%' || r.id || '%%' and {_SAME.format("r")})
        union all select 'of events' where
          (select count(*) from reviews r join promotions p on p.id = r.promotion_id
           where p.model_id = %(model)s) <>
          (select count(*) from events
           where model_id = %(model)s and action = 'promotion.reviewed')""",
    "a rollback and its event do not go together": f"""
        select b.id::text from rollbacks b where model_id = %(model)s and 1 <> (
          select count(*) from events e where e.action = 'stage.rolled_back'
            and e.subject = 'rollback:' || b.id and {_SAME.format("b")})
        union all select 'of events' where
          (select count(*) from rollbacks where model_id = %(model)s) <>
          (select count(*) from events
           where model_id = %(model)s and action = 'stage.rolled_back')""",
    "a policy and its event do not go together": f"""
        select r.revision::text from policy_revisions r where model_id = %(model)s and 1 <> (
          select count(*) from events e where e.action in ('policy.set', 'policy.removed')
            and e.model_id = r.model_id and {_SAME.format("r")})
        union all select 'of events' where
          (select count(*) from policy_revisions where model_id = %(model)s) <>
          (select count(*) from events where model_id = %(model)s
             and action in ('policy.set', 'policy.removed'))""",
    "a stage is held that is not there, or of another kind": f"""
        select t.stage from tenures t left join ({_STAGES}) s on s.name = t.stage
        where t.model_id = %(model)s and upper_inf(t.held)
          and s.exclusive is distinct from t.exclusive""",
    "a name means a stage and something else": f"""
        select s.name from ({_STAGES}) s join aliases a on lower(a.name) = s.name
        where a.model_id = %(model)s
        union all select s.name from ({_STAGES}) s join versions v on v.name_key = s.name
        where v.model_id = %(model)s and v.deleted_at is null""",
    "what ended was reviewed, applied or described afterwards": """
        select later.action from events later join events ending
          on ending.subject = later.subject and ending.id < later.id
        where later.model_id = %(model)s and ending.action in
          ('promotion.applied', 'promotion.rejected', 'promotion.cancelled', 'promotion.expired',
           'promotion.superseded', 'promotion.voided')""",
}


async def check_whole(sql: Sql, name: str) -> None:
    """Nothing of the model is half-done, and nobody holds what somebody else holds."""
    found = await sql.execute("select id from models where name = %s", [name])
    (model,) = await found.fetchone() or (None,)
    assert model is not None
    for wrong, statement in _WRONG.items():
        found = await sql.execute(statement, {"model": model})  # type: ignore[arg-type]
        assert await found.fetchall() == [], wrong
