#![allow(unused)]

mod arguments {
    #[bulkhead::main]
    async fn main(count: u8) {}
}

mod sync {
    #[bulkhead::main(flavor = "current_thread")]
    fn main() {}
}

mod name {
    #[bulkhead::main]
    async fn handler() {}
}

mod error {
    struct NotAnError;

    #[bulkhead::main]
    async fn main() -> Result<(), NotAnError> {
        Ok(())
    }
}

fn main() {}
