// SPDX-License-Identifier: GPL-2.0

//! What a page frame is used for, in words.

use crate::{files::Conversation, human::shorten, lines::Keys};

/// What the file `page` says of a physical address, if it can be asked.
pub fn ask(pa: &str) -> Option<String> {
    Conversation::open("page").ok()?.ask(pa).ok()
}

/// What a line of `page` says. `name` is that of the file in the mapping it was found by; a
/// folio of one of the `sizes` is not worth a word.
pub fn words(
    page: &Keys<'_>,
    sizes: [&str; 2],
    name: Option<&str>,
    width: usize,
) -> Option<String> {
    let kind = page.get("kind")?;
    let mut text = match kind {
        "anon" => "memory of processes, without a file (anonymous)".to_owned(),
        "file" => format!("page cache: {}", place(page, name, width)),
        "shmem" => match name {
            Some(_) => format!("a file in tmpfs: {}", place(page, name, width)),
            None => format!("shared memory: {}", place(page, None, width)),
        },
        "ksm" => "memory of processes that KSM merged, because it was equal".to_owned(),
        "zero" => "the zero page, which stands for all that was only read".to_owned(),
        "hugetlb" => "a huge page of a pool (hugetlb)".to_owned(),
        "swapcache" => "swap cache: on its way to or from swap".to_owned(),
        "slab" => "objects of the kernel (slab)".to_owned(),
        "pgtable" => "a page table".to_owned(),
        "buddy" => "free memory".to_owned(),
        "kernel" => "memory that the kernel or a driver has taken".to_owned(),
        "reserved" => {
            "reserved: the kernel's image, firmware, or what was set aside at boot".to_owned()
        }
        "unaccepted" => "free memory that this guest has not accepted yet".to_owned(),
        "offline" => "taken out of use (offline)".to_owned(),
        "poisoned" => "failed memory".to_owned(),
        "device" => "a device's own memory".to_owned(),
        "none" => return Some("no memory: nothing, or a device, is at this address".to_owned()),
        other => other.to_owned(),
    };
    if let (Some(folio), Some(head)) = (page.get("folio"), page.get("head")) {
        if folio != "-" && !sizes.contains(&folio) {
            text += &format!("; in a folio of {folio} at {head}");
        }
    }
    if let (Some(zone), Some(node)) = (page.get("zone"), page.get("node")) {
        text += &format!("; zone {zone} of node {node}");
    }
    if page.get("pinned") == Some("yes") {
        text += "; pinned for DMA: it is not moved";
    }
    Some(text)
}

/// Which part of which file.
fn place(page: &Keys<'_>, name: Option<&str>, width: usize) -> String {
    let name = name.map(|name| shorten(name, width));
    let (Some(dev), Some(inode), Some(offset)) =
        (page.number("dev"), page.get("inode"), page.get("offset"))
    else {
        return name.unwrap_or("a file".into()).into_owned();
    };
    let (major, minor) = (rustix::fs::major(dev), rustix::fs::minor(dev));
    let inode = format!("inode {inode} of device {major}:{minor}");
    match name {
        Some(name) => format!("{name} from byte {offset} on ({inode})"),
        None => format!("{inode} from byte {offset} on"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str =
        "pa=0x3405123 kind=file flags=uptodate,lru,mmap folio=4K head=0x3405000 refs=3 maps=2 \
        pinned=no node=0 zone=DMA32 cgroup=1 dev=2049 inode=217 offset=0x1123";

    fn said(line: &str, name: Option<&str>) -> String {
        words(&Keys::parse(line).unwrap(), ["4K", "2M"], name, 40).unwrap_or_default()
    }

    #[test]
    fn files_are_named_where_a_mapping_names_them() {
        let text = said(FILE, Some("/usr/lib/libc.so.6"));
        for part in [
            "page cache: /usr/lib/libc.so.6 from byte 0x1123 on (inode 217 of device 8:1)",
            "zone DMA32 of node 0",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(
            said(FILE, None).starts_with("page cache: inode 217 of device 8:1 from byte 0x1123 on")
        );
    }

    #[test]
    fn kinds_have_words() {
        let pinned = "pa=0x5000 kind=anon flags=- folio=64K head=0x5000 refs=17 maps=16 pinned=yes node=0 zone=Normal";
        let text = said(pinned, None);
        assert!(
            text.contains("in a folio of 64K at 0x5000; zone Normal of node 0; pinned"),
            "{text}"
        );
        let none = "pa=0xfe000000 kind=none flags=- folio=- head=- refs=- maps=- pinned=- node=- zone=- cgroup=-";
        assert!(said(none, None).starts_with("no memory"));
        assert_eq!(said("pa=0x1 kind=new node=0", None), "new");
        assert_eq!(said("pa=0x1 why=retry", None), "");
    }
}
