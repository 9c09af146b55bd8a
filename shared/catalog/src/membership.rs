//! A group's streams change: the definition's references are no longer those that the catalog knows.
//!
//! A stream that was nowhere joins at once. One that belongs to another group, or whose group goes on without it, moves
//! when everything of the groups concerned is in their images: no run and no consolidation is under way then, and none can
//! begin, as the same transaction raises the epochs of these groups on condition that their next sequences are still the
//! ones that were read. The new group begins above the highest sequence and epoch of all: tables say by a sequence what
//! they include, queues hold markers of old epochs, and neither knows of groups.
//!
//! A transaction takes a hundred writes, so a change of many streams is made in steps. After each the catalog is as if a
//! definition had said just that much: what holds for a whole change holds for each step, and a bridge that finds the
//! steps of another one half done goes on with them. Nothing is committed meanwhile, as no definition has such a group.

use std::collections::{BTreeMap, BTreeSet};

use foz_domain::batch::Watermarks;
use foz_domain::{Epoch, GroupName, Sequence, StreamName};

use crate::error::Result;
use crate::item::group::{self, GroupHead, Out, members_text};
use crate::item::home::Home;
use crate::item::stream::moved;
use crate::item::{Key, number, text};
use crate::table::{Sent, Update, Write};
use crate::{Catalog, CatalogError};

/// The most streams that come or go in one step. DynamoDB takes 100 writes: two for the group's heads, and for a stream its
/// home, its head, and the head of the group that it leaves.
const STREAMS_OF_A_STEP: usize = 32;
const _: () = assert!(2 + 3 * STREAMS_OF_A_STEP <= 100);

/// One step of a change of membership.
pub(crate) struct Regrouped {
    pub(crate) epoch: Epoch,
    pub(crate) sent: Sent,
    /// Whether no further step follows, if this one took effect.
    pub(crate) complete: bool,
}

/// What is known of the groups that a change of membership concerns.
struct Before<'a> {
    group: &'a GroupName,
    head: Option<GroupHead>,
    /// Where each stream was that is, or was, in the group.
    homes: BTreeMap<StreamName, Option<Home>>,
    /// The other groups that lose streams.
    others: BTreeMap<GroupName, GroupHead>,
}

/// How a group begins anew.
struct Beginning<'a> {
    members: &'a [StreamName],
    owner: &'a str,
    /// The next sequence.
    start: Sequence,
    epoch: Epoch,
}

impl Catalog {
    /// Raises the epoch of a group whose streams are not, or not yet, `wanted`, and brings them in or out: all, or as many
    /// as one step takes.
    pub(crate) async fn regroup(
        &self,
        group: &GroupName,
        head: Option<GroupHead>,
        wanted: &[StreamName],
        owner: &str,
    ) -> Result<Regrouped> {
        let (before, members) = self.before(group, head, wanted).await?;
        let (start, epoch) = before.above_all();
        let jumps = before.head.as_ref().is_some_and(|head| head.next_sequence < start);
        let drops = before.dropped(&members).next().is_some();
        if let Some(head) = before.head.as_ref().filter(|_| jumps || drops) {
            self.must_be_drained(group, head, wanted).await?;
        }
        for (other, head) in &before.others {
            self.must_be_drained(other, head, wanted).await?;
        }
        let mut writes = before.heads(&Beginning { members: &members, owner, start, epoch });
        writes.extend(before.homes(&members, start, epoch));
        for (stream, home) in members.iter().filter_map(|stream| Some((stream, before.homes.get(stream)?.as_ref()?))) {
            if home.group != *group {
                let head = self.table.get(&Key::stream(&home.group, stream)).await?;
                writes.extend(head.map(|head| Write::Put(moved(&head, stream, &home.group, group))));
            }
        }
        let complete = members_text(&members) == members_text(wanted);
        Ok(Regrouped { epoch, sent: self.table.transact(writes).await?, complete })
    }

    /// What is known of the groups that the next step concerns, and the streams that the group has after it.
    async fn before<'a>(
        &self,
        group: &'a GroupName,
        head: Option<GroupHead>,
        wanted: &[StreamName],
    ) -> Result<(Before<'a>, Vec<StreamName>)> {
        let homes = self.homes(head.iter().flat_map(|head| &head.members).chain(wanted)).await?;
        let mut before = Before { group, head, homes, others: BTreeMap::new() };
        let members = before.step(wanted);
        for stream in &members {
            let home = before.homes.get(stream).and_then(Option::as_ref);
            let Some(Home { group: other, left: None }) = home.filter(|home| home.group != *group) else { continue };
            if !before.others.contains_key(other) {
                let head = self.group_head(other).await?.ok_or_else(|| CatalogError::Damaged {
                    item: format!("G#{other}/IN"),
                    why: format!("it is missing although {stream} belongs to it"),
                })?;
                before.others.insert(other.clone(), head);
            }
        }
        Ok((before, members))
    }

    async fn homes(&self, streams: impl Iterator<Item = &StreamName>) -> Result<BTreeMap<StreamName, Option<Home>>> {
        let mut homes = BTreeMap::new();
        for stream in streams.collect::<BTreeSet<_>>() {
            homes.insert(stream.clone(), self.home(stream).await?);
        }
        Ok(homes)
    }

    async fn must_be_drained(&self, group: &GroupName, head: &GroupHead, new: &[StreamName]) -> Result<()> {
        let (imaged, next) = (self.out(group).await?.marks.imaged, head.next_sequence);
        if imaged == next {
            return Ok(());
        }
        let (old, new) = (members_text(&head.members), members_text(new));
        Err(CatalogError::NotDrained { group: group.clone(), old, new, imaged, next })
    }
}

impl Before<'_> {
    /// The sequence and the epoch with which the group begins anew.
    fn above_all(&self) -> (Sequence, Epoch) {
        let heads = self.head.iter().chain(self.others.values()).map(|head| (head.next_sequence, head.epoch));
        let left = self.homes.values().flatten().filter_map(|home| home.left);
        let all: Vec<_> = heads.chain(left).collect();
        let start = all.iter().map(|(sequence, _)| *sequence).max().unwrap_or_default();
        (start, all.iter().map(|(_, epoch)| *epoch).max().unwrap_or_default().next())
    }

    fn belongs(&self, stream: &StreamName) -> bool {
        let home = self.homes.get(stream).and_then(Option::as_ref);
        home.is_some_and(|home| home.group == *self.group && home.left.is_none())
    }

    /// The group's streams after the next step towards those that are wanted.
    fn step(&self, wanted: &[StreamName]) -> Vec<StreamName> {
        let come = wanted.iter().filter(|stream| !self.belongs(stream));
        let changed: BTreeSet<_> = self.dropped(wanted).chain(come).take(STREAMS_OF_A_STEP).collect();
        let come = wanted.iter().filter(|stream| self.belongs(stream) || changed.contains(stream));
        let stay = self.dropped(wanted).filter(|stream| !changed.contains(stream));
        come.chain(stay).collect::<BTreeSet<_>>().into_iter().cloned().collect()
    }

    /// Streams of the group as it was that are not in it any more.
    fn dropped<'a>(&'a self, members: &'a [StreamName]) -> impl Iterator<Item = &'a StreamName> {
        let here = |stream: &&StreamName| match self.homes.get(*stream) {
            Some(Some(home)) => home.group == *self.group,
            _ => true,
        };
        self.head.iter().flat_map(|head| &head.members).filter(|stream| !members.contains(stream)).filter(here)
    }

    /// The heads of the group and of those that lose streams to it.
    fn heads(&self, anew: &Beginning<'_>) -> Vec<Write> {
        let mut writes = match &self.head {
            None => first(self.group, anew),
            Some(head) => again(self.group, head, anew),
        };
        for (other, head) in &self.others {
            let stays = |stream: &&StreamName| !anew.members.contains(stream);
            let left: Vec<StreamName> = head.members.iter().filter(stays).cloned().collect();
            let mut change = still(other, head, "SET #epoch = :new, #members = :left REMOVE #pending, #pending_since");
            change.value(":new", number(head.epoch.next()));
            change.value(":left", text(members_text(&left)));
            writes.push(Write::Update(change));
        }
        writes
    }

    fn homes(&self, members: &[StreamName], start: Sequence, epoch: Epoch) -> Vec<Write> {
        let home = |left| Home { group: self.group.clone(), left };
        let read = |stream: &StreamName| self.homes.get(stream).and_then(Option::as_ref);
        let come = members.iter().map(|stream| (stream, home(None)));
        let go = self.dropped(members).map(|stream| (stream, home(Some((start, epoch)))));
        let changed = come.chain(go).filter(|(stream, home)| read(stream) != Some(home));
        changed.map(|(stream, home)| home.replaces(stream, read(stream))).collect()
    }
}

/// An update that is refused unless the group's head is still what was read.
fn still(group: &GroupName, head: &GroupHead, update: &str) -> Update {
    Update::new(
        Key::inward(group),
        update,
        "#epoch = :old AND #next_sequence = :next AND #members = :members",
        [
            (":old", number(head.epoch)),
            (":next", number(head.next_sequence)),
            (":members", text(members_text(&head.members))),
        ],
    )
}

fn first(name: &GroupName, Beginning { members, owner, start, epoch }: &Beginning<'_>) -> Vec<Write> {
    let start = *start;
    let head = GroupHead {
        epoch: *epoch,
        next_sequence: start,
        members: members.to_vec(),
        owner: (*owner).to_owned(),
        pending_since: None,
    };
    let marks = Watermarks { claimed: start, done: start, imaging: start, imaged: start, ..Watermarks::default() };
    let out = Out { marks, last_image_at: None, debt: None };
    vec![Write::Create(group::to_item(name, &head)), Write::Create(group::out_to_item(name, &out))]
}

fn again(
    group: &GroupName,
    head: &GroupHead,
    Beginning { members, owner, start, epoch }: &Beginning<'_>,
) -> Vec<Write> {
    let set = "SET #epoch = :new, #owner = :owner, #members = :wanted, #next_sequence = :start";
    let mut inward = still(group, head, set);
    inward.value(":new", number(epoch));
    inward.value(":owner", text(owner));
    inward.value(":wanted", text(members_text(members)));
    inward.value(":start", number(start));
    let mut writes = vec![Write::Update(inward)];
    if *start > head.next_sequence {
        writes.push(Write::Update(Update::new(
            Key::outward(group),
            "SET #claimed = :start, #done = :start, #imaging = :start, #imaged = :start",
            "#claimed = :next AND #done = :next AND #imaging = :next AND #imaged = :next",
            [(":start", number(start)), (":next", number(head.next_sequence))],
        )));
    }
    writes
}
