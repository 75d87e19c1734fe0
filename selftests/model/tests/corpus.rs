// SPDX-License-Identifier: GPL-2.0

//! The inputs that the fuzzer found and that are kept, with what must hold for them (`fuzz/`).

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use std::{fs, path::Path};

#[test]
fn every_kept_input_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, check) in fuzz::TARGETS {
        let inputs = fs::read_dir(corpus.join(name)).expect("a folder for each target");
        let mut count = 0;
        for input in inputs {
            let path = input.expect("a file").path();
            println!("{}", path.display());
            check(&fs::read(path).expect("readable"));
            count += 1;
        }
        assert!(count > 0, "{name} has no inputs");
    }
}
