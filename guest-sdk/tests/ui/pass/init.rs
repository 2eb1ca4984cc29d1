//! Inits that need not fail and ones that may, each beside a handler.
#![deny(warnings)]

mod plain {
    use std::sync::LazyLock;

    static TABLE: LazyLock<Vec<u32>> = LazyLock::new(|| (0..100).collect());

    #[bulkhead::init]
    fn init() {
        LazyLock::force(&TABLE);
    }

    #[bulkhead::handler]
    fn handler(at: usize) -> Option<u32> {
        TABLE.get(at).copied()
    }
}

mod fallible {
    #[bulkhead::init]
    pub fn init() -> Result<(), std::num::ParseIntError> {
        "17".parse::<u32>().map(drop)
    }
}

mod erased {
    type Done = Result<(), bulkhead::Error>;

    #[bulkhead::init]
    fn init() -> Done {
        Ok(())
    }

    #[bulkhead::main]
    async fn main() -> Result<(), bulkhead::Error> {
        init()?;
        bulkhead::run(bulkhead::service_fn(|event: bulkhead::LambdaEvent<u8>| async move {
            Ok::<_, bulkhead::Error>(event.payload)
        }))
        .await
    }
}

fn main() {}
