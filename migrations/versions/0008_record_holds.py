"""The record sets the place and the time of its events itself, and no temporary table stands in for
a table that a guard reads.

- Functions named tables without a schema, and PostgreSQL looks among temporary tables first: any
  role could show a guard a `versions` of its own making. Each has a fixed search path now. The one
  whose body PostgreSQL keeps parsed (`stageward_era`) always meant the tables that it was made with.
- Whoever may add an event could say when, and where in the record, it happened. Now nobody can. A
  restore loads rows before it makes triggers, and keeps both.
- Whoever may add a seal could end the chain with one of a number, or of a place, far ahead.

Revision ID: 0008
Revises: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SAFELY = "set search_path = pg_catalog, pg_temp"
PATH = "pg_catalog, public, pg_temp"
REFUSED = "using errcode = 'restrict_violation'"


def upgrade() -> None:
    _alter_functions(f"set search_path = {PATH}", "p.proconfig is null")
    op.create_check_constraint(op.f("ck_events_place"), "events", "era > 0 and id > 0")
    _place_new_events()
    _let_seals_follow()


def _alter_functions(change: str, of_those: str) -> None:
    """Change those of our functions whose body PostgreSQL reads anew, under the path of the day."""
    op.execute(f"""
        do $$
        declare
            ours regprocedure;
        begin
            for ours in select p.oid from pg_proc p
                where p.pronamespace = 'public'::regnamespace and p.proname like 'stageward\\_%'
                    and p.prosqlbody is null and {of_those}
            loop
                execute format('alter function %s {change}', ours);
            end loop;
        end $$
    """)


def _place_new_events() -> None:
    """Whatever an INSERT says. An event is not born redacted either. The era is looked up here and
    not by `stageward_era()`: a call takes thrice as long, and every change comes by."""
    op.execute(f"""
        create function stageward_new_event() returns trigger language plpgsql {SAFELY} as $$
        begin
            new.era := (select max(era) from public.record_eras);
            new.xid := pg_current_xact_id();
            new.at := clock_timestamp();
            new.redaction_id := null;
            return new;
        end $$
    """)
    op.execute(
        "create trigger of_this_transaction before insert on events "
        "for each row execute function stageward_new_event()"
    )


def _let_seals_follow() -> None:
    """Seals go on where the chain ends, without a gap, each of an event that is there, in the order
    of the record. Looked at once a statement: thousands are added by one."""
    op.execute(f"""
        create function stageward_new_seals() returns trigger language plpgsql {SAFELY} as $$
        declare
            first bigint;
            last bigint;
            many bigint;
            before public.seals;
        begin
            select min(seq), max(seq), count(*) into first, last, many from added;
            if many = 0 then
                return null;
            end if;
            select * into before from public.seals where seq = first - 1;
            if last - first + 1 <> many or (before is null and first <> 1)
                or last <> (select max(seq) from public.seals)
            then
                raise exception 'seals % to % do not follow the last one', first, last {REFUSED};
            end if;
            if exists (
                select from (
                    select era, xid, event_id, lag(era, 1, before.era) over (order by seq) as era_1,
                        lag(xid, 1, before.xid) over (order by seq) as xid_1,
                        lag(event_id, 1, before.event_id) over (order by seq) as event_id_1
                    from added) a
                where (era, xid, event_id) <= (era_1, xid_1, event_id_1)
                    or not exists (select from public.events e
                        where (e.id, e.era, e.xid) = (a.event_id, a.era, a.xid)))
            then
                raise exception 'seals % to % are not of events in the order of the record',
                    first, last {REFUSED};
            end if;
            return null;
        end $$
    """)
    op.execute(
        "create trigger follow after insert on seals referencing new table as added "
        "for each statement execute function stageward_new_seals()"
    )


def downgrade() -> None:
    op.execute("drop trigger follow on seals")
    op.execute("drop function stageward_new_seals()")
    op.execute("drop trigger of_this_transaction on events")
    op.execute("drop function stageward_new_event()")
    op.drop_constraint(op.f("ck_events_place"), "events")
    _alter_functions("reset search_path", f"p.proconfig = array['search_path={PATH}']")
