"""What an S3 store was seen to do, and what follows from it."""

from dataclasses import dataclass

from app.blobs.stores.interface import Trait


@dataclass(frozen=True, slots=True)
class Traits:
    """What `s3_probe` found out. Only what was seen counts; nothing is believed."""

    takes_links: bool
    refuses_altered_links: bool
    refuses_expired_links: bool
    refuses_other_sizes: bool
    refuses_copies_through_links: bool
    copies: bool
    refuses_wrong_digests: bool
    refuses_wrong_part_digests: bool
    refuses_wrong_md5: bool
    closes_uploads: bool
    copies_only_unchanged: bool
    puts_conditionally: bool

    @property
    def lacking(self) -> list[Trait]:
        """What the service cannot do without, and the store does not do."""
        return [trait for trait in self.rows() if trait.needed and not trait.held]

    def rows(self) -> list[Trait]:
        """The same in plain words, the needed ones first."""
        return [
            _needed(
                "takes bytes through a signed link",
                self.takes_links,
                "Clients send files straight to the store.",
            ),
            _needed(
                "refuses an altered or unsigned link",
                self.refuses_altered_links,
                "A link is good for one method and one key, and nobody writes without one.",
            ),
            _needed(
                "refuses an expired link",
                self.refuses_expired_links,
                "A link that leaked is worth nothing after minutes.",
            ),
            _needed(
                "refuses another size than the link says",
                self.refuses_other_sizes,
                "Nobody fills the store through a link for a small part.",
            ),
            _needed(
                "refuses to copy through a link to a part",
                self.refuses_copies_through_links,
                "Nobody gets at other bytes of the store by knowing their digest.",
            ),
            _needed(
                "copies inside the store",
                self.copies,
                "Proven bytes reach their place without passing through this server.",
            ),
            _trait(
                "refuses a wrong x-amz-checksum-sha256 on a PUT",
                self.refuses_wrong_digests,
                "A small file that was sent with its SHA-256 is proven by that.",
                "Small files are read back and hashed, as large ones are.",
            ),
            _trait(
                "refuses a wrong x-amz-checksum-sha256 on a part",
                self.refuses_wrong_part_digests,
                "A part that was altered on its way is refused at once.",
                "A part that was altered on its way is found out when the whole file is proven.",
            ),
            _trait(
                "refuses a wrong Content-MD5",
                self.refuses_wrong_md5,
                "What this server sends is known to have arrived as it was sent.",
                "What this server sends is read back and hashed.",
            ),
            _trait(
                "closes an upload that was completed",
                self.closes_uploads,
                "A completed upload is proven where it is: no link can change it any more.",
                "A completed upload is copied away from its links before it is proven.",
            ),
            _trait(
                "copies only what has not changed",
                self.copies_only_unchanged,
                "One request looks at proven bytes and copies them.",
                "Proven bytes are looked at before they are copied.",
            ),
            _trait(
                "stores only where nothing is (If-None-Match)",
                self.puts_conditionally,
                "Nothing rests on it: PostgreSQL decides who writes.",
                "Nothing rests on it: PostgreSQL decides who writes.",
            ),
        ]


def _needed(name: str, held: bool, meaning: str) -> Trait:
    return Trait(name, held, meaning, needed=True)


def _trait(name: str, held: bool, so: str, otherwise: str) -> Trait:
    return Trait(name, held, so if held else otherwise)
