"""What a version was made from and what was made from it, as a graph."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.actor import Actor
from app.lineage import rules
from app.lineage.queries import graph, places
from app.lineage.queries.graph import Direction
from app.lineage.queries.places import Place
from app.lineage.schemas import Edge, LineageOutput, Node, VersionPlace
from app.lineage.service.showing import fields, shown, used
from app.versions.service import VersionView

MOST_NODES = 1_000
MOST_EDGES = 20_000


async def lineage(
    session: AsyncSession, actor: Actor, view: VersionView, *, direction: Direction, depth: int
) -> LineageOutput:
    """The versions around one and the data that they used. What the actor cannot see is left out,
    and so is all that is reached only through it."""
    root = view.version.id
    found = await graph.around(
        session, actor, root, direction=direction, depth=depth, most=MOST_NODES
    )
    by_id = {place.id: place for place, _ in found.nodes}
    edges = await places.edges(session, list(by_id), MOST_EDGES + 1)
    nodes = [_node(place, distance) for place, distance in found.nodes]
    ways = [_edge(by_id[parent], by_id[child]) for parent, child in edges]
    datasets, uses = _datasets([place for place, _ in found.nodes])
    return LineageOutput(
        **fields(by_id[root]),
        parents=[shown(by_id[parent]) for parent, child in edges if child == root],
        children=_sorted([by_id[child] for parent, child in edges if parent == root]),
        datasets=used(by_id[root]),
        nodes=nodes + datasets[:MOST_NODES],
        edges=(ways + _among(uses, datasets[:MOST_NODES]))[:MOST_EDGES],
        depth=depth,
        truncated=found.truncated
        or len(datasets) > MOST_NODES
        or len(ways) + len(uses) > MOST_EDGES,
    )


def _sorted(children: list[Place]) -> list[VersionPlace]:
    return [shown(each) for each in sorted(children, key=lambda c: (c.model, c.number))]


def _id(place: Place) -> str:
    return rules.version_id(place.model, place.number)


def _node(place: Place, distance: int) -> Node:
    return Node(id=_id(place), kind="version", distance=distance, **fields(place))


def _edge(parent: Place, child: Place) -> Edge:
    return Edge(from_=_id(parent), to=_id(child), kind="parent")


def _datasets(found: list[Place]) -> tuple[list[Node], list[Edge]]:
    """The data sets that these versions used, each once, and by which of them."""
    nodes: dict[str, Node] = {}
    edges: dict[tuple[str, str, str], Edge] = {}
    for place in found:
        for entry in used(place):
            key = rules.dataset_id(entry.model_dump())
            nodes.setdefault(
                key,
                Node(
                    id=key,
                    kind="dataset",
                    name=entry.name,
                    version=entry.version,
                    sha256=entry.sha256,
                ),
            )
            edge = Edge(from_=key, to=_id(place), kind="dataset", role=entry.role)
            edges.setdefault((key, edge.to, entry.role), edge)
    return list(nodes.values()), list(edges.values())


def _among(edges: list[Edge], nodes: list[Node]) -> list[Edge]:
    known = {node.id for node in nodes}
    return [edge for edge in edges if edge.from_ in known]
