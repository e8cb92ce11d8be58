"""Guards: what PostgreSQL refuses, whoever asks.

Events, transitions, reviews and policy revisions are append-only; a ready version's recipe and its
child rows never change; blobs know since when nothing names them.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = (
    *("events", "record_eras", "transitions", "reviews", "policy_revisions", "alias_changes"),
    "rollbacks",
)
FROZEN = (
    "id model_id number name params metrics code datasets preprocessing environment seed signature "
    "run source files_count size manifest_sha256 recipe_sha256 created_by_id created_by created_at "
    "ready_at"
).split()
CHILDREN = ("version_files", "version_parents", "version_authors")


def upgrade() -> None:
    op.execute("""
        create function stageward_refuse_change() returns trigger language plpgsql as $$
        begin
            raise exception '% is append-only: % is refused', tg_table_name, tg_op
                using errcode = 'restrict_violation';
        end $$
    """)
    for table in APPEND_ONLY:
        op.execute(
            f"create trigger refuse_change before update or delete on {table} "
            "for each row execute function stageward_refuse_change()"
        )
        op.execute(
            f"create trigger refuse_truncate before truncate on {table} "
            "for each statement execute function stageward_refuse_change()"
        )
    differs = " or ".join(f"new.{column} is distinct from old.{column}" for column in FROZEN)
    op.execute(f"""
        create function stageward_keep_ready_version() returns trigger language plpgsql as $$
        begin
            if old.status <> 'ready' then
                return case when tg_op = 'DELETE' then old else new end;
            end if;
            if tg_op = 'DELETE' then
                raise exception 'version % is ready: its row is never deleted', old.id
                    using errcode = 'restrict_violation';
            end if;
            if new.status <> 'ready' then
                raise exception 'version % is ready: it never becomes % again', old.id, new.status
                    using errcode = 'restrict_violation';
            end if;
            if {differs} then
                raise exception 'version % is ready: its content never changes', old.id
                    using errcode = 'restrict_violation';
            end if;
            -- its files may have gone with it: what was deleted does not come back
            if old.deleted_at is not null and new.deleted_at is distinct from old.deleted_at then
                raise exception 'version % was deleted: it never comes back', old.id
                    using errcode = 'restrict_violation';
            end if;
            return new;
        end $$
    """)
    op.execute(
        "create trigger keep_ready before update or delete on versions "
        "for each row execute function stageward_keep_ready_version()"
    )
    # The row lock makes a writer of a child row and whoever makes the version ready wait for one
    # another, so that no child slips in beside the manifest. A deleted version may lose its files.
    op.execute("""
        create function stageward_keep_ready_child() returns trigger language plpgsql as $$
        declare
            parent uuid := case when tg_op = 'DELETE' then old.version_id else new.version_id end;
            ready boolean;
        begin
            if tg_op = 'UPDATE' and new.version_id <> old.version_id then
                raise exception 'a row of % never moves to another version', tg_table_name
                    using errcode = 'restrict_violation';
            end if;
            select status = 'ready' and (tg_op <> 'DELETE' or deleted_at is null) into ready
                from versions where id = parent for share;
            if ready then
                raise exception 'version % is ready: % on % is refused', parent, tg_op,
                    tg_table_name using errcode = 'restrict_violation';
            end if;
            return case when tg_op = 'DELETE' then old else new end;
        end $$
    """)
    for table in CHILDREN:
        op.execute(
            f"create trigger keep_ready before insert or update or delete on {table} "
            "for each row execute function stageward_keep_ready_child()"
        )
    for table in ("versions", *CHILDREN):
        op.execute(
            f"create trigger refuse_truncate before truncate on {table} "
            "for each statement execute function stageward_refuse_change()"
        )
    op.execute("""
        create function stageward_keep_tenure() returns trigger language plpgsql as $$
        begin
            if tg_op = 'DELETE' or not upper_inf(old.held) or lower(new.held) <> lower(old.held)
                or (new.id, new.model_id, new.version_id, new.stage, new.exclusive,
                    new.promotion_id, new.rollback_id, new.overridden)
                is distinct from (old.id, old.model_id, old.version_id, old.stage, old.exclusive,
                    old.promotion_id, old.rollback_id, old.overridden)
            then
                raise exception 'a tenure may only be ended, once' using errcode = 'restrict_violation';
            end if;
            return new;
        end $$
    """)
    op.execute(
        "create trigger keep_tenure before update or delete on tenures "
        "for each row execute function stageward_keep_tenure()"
    )
    # The exclusion constraint looks at exclusive tenures only, so none may pass as another kind.
    op.execute("""
        create function stageward_check_tenure() returns trigger language plpgsql as $$
        declare
            known boolean;
        begin
            select exclusive into known from stages
                where name = new.stage and (model_id is null or model_id = new.model_id)
                order by model_id nulls last limit 1 for share;
            if known is null or known <> new.exclusive then
                raise exception 'stage % of a tenure is unknown or of the other kind', new.stage
                    using errcode = 'check_violation';
            end if;
            return new;
        end $$
    """)
    op.execute(
        "create trigger check_tenure before insert on tenures "
        "for each row execute function stageward_check_tenure()"
    )
    op.execute("""
        create function stageward_keep_held_stage() returns trigger language plpgsql as $$
        begin
            if (tg_op = 'DELETE' or (new.name, new.exclusive, new.model_id)
                is distinct from (old.name, old.exclusive, old.model_id))
                and exists (select from tenures where stage = old.name and upper_inf(held)
                    and (old.model_id is null or model_id = old.model_id))
            then
                raise exception 'stage % is held', old.name using errcode = 'restrict_violation';
            end if;
            return case when tg_op = 'DELETE' then old else new end;
        end $$
    """)
    op.execute(
        "create trigger keep_held before update or delete on stages "
        "for each row execute function stageward_keep_held_stage()"
    )
    op.execute("""
        create function stageward_keep_ended_promotion() returns trigger language plpgsql as $$
        begin
            if tg_op = 'DELETE' or old.ended_at is not null then
                raise exception 'promotion % has ended: it never changes', old.id
                    using errcode = 'restrict_violation';
            end if;
            return new;
        end $$
    """)
    op.execute(
        "create trigger keep_ended before update or delete on promotions "
        "for each row execute function stageward_keep_ended_promotion()"
    )
    op.execute(
        "create trigger refuse_truncate before truncate on tenures "
        "for each statement execute function stageward_refuse_change()"
    )
    op.execute("""
        create function stageward_count_references() returns trigger language plpgsql as $$
        begin
            if tg_op <> 'INSERT' then
                -- wait for whoever is about to name the blob, so that the next statement sees it
                perform from blobs where sha256 = old.sha256 for no key update;
                update blobs set unreferenced_since = clock_timestamp()
                    where sha256 = old.sha256 and not exists (
                        select from version_files where sha256 = old.sha256);
            end if;
            if tg_op <> 'DELETE' then
                -- on a doomed blob this violates ck_blobs_doomed: its bytes are being freed
                update blobs set unreferenced_since = null
                    where sha256 = new.sha256 and unreferenced_since is not null;
            end if;
            return null;
        end $$
    """)
    op.execute(
        "create trigger count_references after insert or update of sha256 or delete "
        "on version_files for each row execute function stageward_count_references()"
    )


def downgrade() -> None:
    op.execute("drop trigger count_references on version_files")
    op.execute("drop trigger refuse_truncate on tenures")
    op.execute("drop trigger keep_ended on promotions")
    op.execute("drop trigger keep_held on stages")
    op.execute("drop trigger check_tenure on tenures")
    op.execute("drop trigger keep_tenure on tenures")
    for table in ("versions", *CHILDREN):
        op.execute(f"drop trigger refuse_truncate on {table}")
        op.execute(f"drop trigger keep_ready on {table}")
    for table in APPEND_ONLY:
        op.execute(f"drop trigger refuse_truncate on {table}")
        op.execute(f"drop trigger refuse_change on {table}")
    for function in (
        "count_references",
        "keep_ended_promotion",
        "keep_held_stage",
        "check_tenure",
        "keep_tenure",
        "keep_ready_child",
        "keep_ready_version",
        "refuse_change",
    ):
        op.execute(f"drop function stageward_{function}()")
