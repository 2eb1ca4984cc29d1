#![allow(unused)]

mod several_at_once {
    #[bulkhead::init(once)]
    async fn init(event: String) {}
}

mod value {
    #[bulkhead::init]
    fn init() -> u8 {
        1
    }
}

mod error {
    struct NotAnError;

    #[bulkhead::init]
    fn init() -> Result<(), NotAnError> {
        Ok(())
    }
}

fn main() {}
