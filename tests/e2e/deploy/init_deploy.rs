//! `bulkhead init-deploy`: what it takes from the project, what it says, and what it leaves alone.

use bulkhead_tests::artifacts;

use crate::deploy::sam::lint;
use crate::project::{Folder, sdk};

const TENANTS: &str = "[handlers.cart]\n[handlers.pay]\n[tenants.acme]\nhandler = \"pay\"\n";

fn project(manifest: &str) -> Folder {
    let folder = Folder::new();
    folder.write("bulkhead.toml", manifest);
    folder
}

fn refused(folder: &Folder, arguments: &[&str], why: &str) {
    let ran = folder.bulkhead(&[&["init-deploy", "--tool", "sam"], arguments].concat());
    assert!(ran.code != 0 && ran.stderr.contains(why), "{why}: {} {}", ran.code, ran.stderr);
    assert!(!folder.path().join("deploy").exists(), "it has written something");
}

#[test]
fn it_says_what_it_wrote_and_what_comes_next() {
    let folder = project("[handlers.hello]\n");
    let ran =
        folder.bulkhead(&["init-deploy", "--tool", "terraform", "--arch", "arm64", "--managed-instances"]);
    assert_eq!(ran.succeeded().stdout, "", "no result but files");
    for line in [
        "wrote deploy/main.tf\n",
        "  bulkhead package --arch arm64 -o function.zip\n",
        "  cd deploy\n",
        "  terraform init\n",
        "  terraform apply -var 'subnet_ids=",
    ] {
        assert!(ran.stderr.contains(line), "{line}: {}", ran.stderr);
    }
    folder.write("function.zip", "here");
    let ran = folder.bulkhead(&["init-deploy", "--tool", "sam", "-o", "sam"]);
    assert!(!ran.succeeded().stderr.contains("bulkhead package"), "{}", ran.stderr);
    assert!(ran.stderr.ends_with("  cd sam\n  sam deploy\n\n"), "{:?}", ran.stderr);
}

#[test]
fn nothing_is_written_over_unless_it_is_said() {
    let folder = project("[handlers.hello]\n");
    folder.write("deploy/samconfig.toml", "# mine");
    let init = ["init-deploy", "--tool", "sam"];
    let ran = folder.bulkhead(&init);
    assert!(
        ran.code == 1 && ran.stderr.contains("these files exist already: deploy/samconfig.toml"),
        "{}",
        ran.stderr
    );
    assert_eq!(folder.read("deploy/samconfig.toml"), "# mine");
    assert!(!folder.path().join("deploy/template.yaml").exists(), "half of it was written");
    folder.bulkhead(&[&init[..], &["--force"]].concat()).succeeded();
    assert!(folder.read("deploy/samconfig.toml").contains("stack_name = \"hello\""));
}

#[test]
fn a_project_says_which_handler_and_whether_its_tenants_are_lambda_s() {
    let folder = project(TENANTS);
    folder.bulkhead(&["init-deploy", "--tool", "sam", "--name", "shop"]).succeeded();
    let template = folder.read("deploy/template.yaml");
    assert!(
        template.contains("TenantIsolationMode: PER_TENANT")
            && template.contains("FunctionName: !If [HasStage, !Sub \"shop-${Stage}\", shop]"),
        "{template}"
    );
    refused(&project("[handlers.cart]\n[handlers.pay]\n"), &[], "--handler with one of cart, pay");
    refused(
        &project("[handlers.cart]\n"),
        &["--handler", "kart"],
        "there is no handler \"kart\"; did you mean cart?",
    );
    refused(&project(TENANTS), &["--function-url", "iam"], "tenant-isolation.html");
    refused(&project(TENANTS), &["--tenancy", "none"], "leave out --tenancy none");
    refused(&project(TENANTS), &["--managed-instances"], "lambda-managed-instances-security.html");
}

#[test]
fn how_many_events_may_be_of_unknown_tenants_is_a_parameter() {
    let folder = project(TENANTS);
    for (tool, file, parts) in [
        (
            "sam",
            "template.yaml",
            [
                "  MaxUnknownTenants:\n    Type: Number\n    Default: 10\n",
                "Threshold: !Ref MaxUnknownTenants\n",
            ],
        ),
        ("terraform", "variables.tf", ["variable \"max_unknown_tenants\" {", "  default     = 10\n"]),
        ("terraform", "alarms.tf", ["= var.max_unknown_tenants\n", "= var.max_errors\n"]),
        (
            "cdk",
            "lib/alarms.ts",
            ["tryGetContext('maxUnknownTenants') ?? 10)", "threshold: maxUnknownTenants,\n"],
        ),
    ] {
        let init = ["init-deploy", "--tool", tool, "--name", "shop", "-o", tool, "--force"];
        folder.bulkhead(&init).succeeded();
        let text = folder.read(&format!("{tool}/{file}"));
        for part in parts {
            assert!(text.contains(part), "{tool}: {part}: {text}");
        }
    }
    let folder = project("[handlers.hello]\n");
    folder.bulkhead(&["init-deploy", "--tool", "sam"]).succeeded();
    assert!(!folder.read("deploy/template.yaml").contains("UnknownTenants"), "there are no tenants");
}

#[test]
fn the_role_of_a_function_with_a_store_in_a_bucket_may_read_it() {
    const STORE: &str = "[handlers.hello]\n[store]\nname = 'prod'\nurl = 's3://tenants/prod'\n\
                         public_keys = ['ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=']\n";
    let folder = project(STORE);
    for (tool, file, expected) in [
        ("sam", "template.yaml", ["Resource: \"arn:aws:s3:::tenants/prod/*\"", "s3:prefix: \"prod/*\""]),
        ("terraform", "main.tf", ["= \"arn:aws:s3:::tenants/prod/*\"", "\"s3:prefix\" = [\"prod/*\"]"]),
        ("cdk", "lib/function-stack.ts", ["['arn:aws:s3:::tenants/prod/*']", "'s3:prefix': ['prod/*']"]),
    ] {
        folder.bulkhead(&["init-deploy", "--tool", tool, "-o", tool]).succeeded();
        let text = folder.read(&format!("{tool}/{file}"));
        assert!(expected.iter().all(|expected| text.contains(expected)), "{tool}: {text}");
        assert!(text.contains("s3:GetObject") && text.contains("s3:ListBucket"), "{tool}");
    }
}

#[test]
fn the_role_of_a_function_with_credentials_may_open_sessions_and_read_secrets() {
    const CREDENTIALS: &str = "[secrets]\na.from = 'ssm:/prod/a'\nb.from = 'secretsmanager:prod/b#key'\n\
        [credentials.api]\nhosts = ['https://api.example.com']\nheaders = { a = '{a}', b = '{b}' }\n\
        [credentials.notes]\nhosts = ['https://dynamodb.eu-west-1.amazonaws.com']\nsign = 'aws'\n\
        role = 'arn:aws:iam::123456789012:role/tenant'\n[credentials.queue]\n\
        hosts = ['https://sqs.eu-west-1.amazonaws.com']\nsign = 'aws'\n[handlers.hello.grants]\n\
        credentials = ['api', 'notes', 'queue']\n";
    let folder = project(CREDENTIALS);
    for (tool, file, places) in [
        ("sam", "template.yaml", "${AWS::Region}:${AWS::AccountId}"),
        ("terraform", "main.tf", "${data.aws_arn.logs.region}:${data.aws_arn.logs.account}"),
        ("cdk", "lib/function-stack.ts", "${this.region}:${this.account}"),
    ] {
        folder.bulkhead(&["init-deploy", "--tool", tool, "-o", tool]).succeeded();
        let text = folder.read(&format!("{tool}/{file}"));
        for expected in [
            "sts:AssumeRole",
            "sts:TagSession",
            "arn:aws:iam::123456789012:role/tenant",
            "sign requests to sqs with this role",
            &format!(":ssm:{places}:parameter/prod/a"),
            &format!(":secretsmanager:{places}:secret:prod/b-??????"),
        ] {
            assert!(text.contains(expected), "{tool}: {expected}: {text}");
        }
    }
    let template = folder.read("sam/template.yaml");
    let (before, rest) = template.split_once("  # TenantRole:").expect("an example of the role");
    let (example, after) = rest.split_once("\n\n").expect("what follows it");
    let with_role = format!("{before}  TenantRole:{}\n\n{after}", example.replace("\n  # ", "\n  "));
    assert!(with_role.contains("\n      RoleName: tenant\n"), "{with_role}");
    folder.write("with-role.yaml", &with_role);
    // What `bulkhead.toml` names has a partition.
    lint(&folder, &["sam/template.yaml".to_owned(), "with-role.yaml".to_owned()], &["I3042"]);
}

#[test]
fn the_tables_of_key_value_stores_are_made_and_may_be_used() {
    const STORES: &str = "[stores]\nvisits = { kind = 'dynamodb', table = 'tenant-visits' }\n\
        far = { kind = 'dynamodb', table = 'far', region = 'us-east-1' }\nlocal = { kind = 'memory' }\n\
        [handlers.hello.grants]\nkey_value = ['visits']\n";
    let folder = project(STORES);
    for (tool, file, expected) in [
        (
            "sam",
            "template.yaml",
            &["KeyType: RANGE", "Resource: !GetAtt StoreTenantVisits.Arn", ":dynamodb:us-east-1:"][..],
        ),
        ("terraform", "main.tf", &["= aws_dynamodb_table.store_tenantvisits.arn", ":dynamodb:us-east-1:"]),
        (
            "terraform",
            "tables.tf",
            &["range_key                   = \"key\"", "deletion_protection_enabled = true"],
        ),
        (
            "cdk",
            "lib/function-stack.ts",
            &["sortKey: { name: 'key'", "[storeTenantVisits.tableArn]", ":dynamodb:us-east-1:"],
        ),
    ] {
        folder.bulkhead(&["init-deploy", "--tool", tool, "-o", tool, "--force"]).succeeded();
        let text = folder.read(&format!("{tool}/{file}"));
        for expected in expected {
            assert!(text.contains(expected), "{tool}: {expected}: {text}");
        }
        if file != "tables.tf" {
            assert!(
                text.contains("t#*#visits")
                    && text.contains("H#*#far")
                    && text.contains("dynamodb:BatchWriteItem")
            );
            assert!(!text.contains("dynamodb:Scan") && !text.contains("#local"), "{tool}: {text}");
        }
    }
    lint(&folder, &["sam/template.yaml".to_owned()], &["I3042"]);
}

#[test]
fn a_service_that_streams_has_a_url_that_streams() {
    let folder = project("[handlers.site]\ninvoke_mode = \"response_stream\"\n");
    refused(
        &folder,
        &["--function-url", "iam", "--invoke-mode", "buffered"],
        "leave out --invoke-mode buffered",
    );
    folder.bulkhead(&["init-deploy", "--tool", "sam", "--function-url", "public"]).succeeded();
    assert!(folder.read("deploy/template.yaml").contains("InvokeMode: RESPONSE_STREAM"));
}

#[test]
fn a_cargo_project_s_own_name_is_the_function_s() {
    let folder = Folder::new();
    let new = folder.bulkhead(&["new", "my_shop", "--sdk-path", &sdk()]);
    new.succeeded();
    let project = folder.inner("my_shop");
    std::fs::remove_file(project.path().join("bulkhead.toml")).expect("a manifest");
    project.bulkhead(&["init-deploy", "--tool", "cdk"]).succeeded();
    assert!(project.read("deploy/lib/function-stack.ts").contains("const name = 'my_shop' + props.suffix;"));
    assert!(project.read("deploy/bin/deploy.ts").contains("new FunctionStack(app, 'my-shop'"));
}

#[test]
fn what_no_function_can_be_is_refused_before_anything_is_written() {
    let folder = project("[handlers.hello]\n");
    refused(&folder, &["--memory", "64"], "Lambda allows 128 to 10240");
    refused(&folder, &["--managed-instances", "--memory", "512"], "Managed Instances allow 2048 to 32768");
    refused(&folder, &["--timeout", "20min"], "1s to 15min");
    refused(&folder, &["--log-retention", "31"], "CloudWatch accepts only these numbers of days: 1, 3, 5");
    refused(&folder, &["--invoke-mode", "response-stream"], "--function-url iam");
    refused(&folder, &["--zip", "function.tar"], "Lambda requires a file that ends in .zip");
    refused(&folder, &["--max-vcpus", "4"], "--managed-instances");
    refused(&folder, &["--name", "a b"], "pass --name NAME");
}

/// A folder with a component where `bulkhead build` puts it.
fn built(manifest: &str, guest: &str) -> Folder {
    let folder = project(manifest);
    folder.write(&format!("target/bulkhead/{guest}.wasm"), "");
    let component = folder.path().join(format!("target/bulkhead/{guest}.wasm"));
    std::fs::copy(artifacts::component(guest), component).expect("copy a guest");
    folder
}

#[test]
fn a_project_says_what_calls_it() {
    let split = "[routing]\ntenant = { pointer = \"/Records/*/body/tenant\" }\nmixed_batches = \"split\"\n[handlers.batch]\n";
    for (folder, why, resource) in [
        (
            built("[handlers.web_echo]\n", "web_echo"),
            "The handler is an HTTP service, so it has a URL",
            "AuthType: AWS_IAM",
        ),
        (
            built("[handlers.stream_ways]\n", "stream_ways"),
            "The handler streams, so it has",
            "InvokeMode: RESPONSE_STREAM",
        ),
        (
            project(split),
            "bulkhead.toml splits batches of SQS, so",
            "FunctionResponseTypes: [ReportBatchItemFailures]",
        ),
    ] {
        let ran = folder.bulkhead(&["init-deploy", "--tool", "sam"]);
        assert!(ran.succeeded().stderr.contains(why), "{why}: {}", ran.stderr);
        assert!(ran.stderr.contains("--source none leaves it out."), "{}", ran.stderr);
        assert!(folder.read("deploy/template.yaml").contains(resource), "{resource}");
        let none = folder.bulkhead(&["init-deploy", "--tool", "sam", "--source", "none", "-o", "none"]);
        assert!(!none.succeeded().stderr.contains("leaves it out"), "{}", none.stderr);
        assert!(!folder.read("none/template.yaml").contains(resource), "{resource}");
    }
    let folder = built("[handlers.echo]\n", "echo");
    let ran = folder.bulkhead(&["init-deploy", "--tool", "sam"]);
    assert!(
        ran.succeeded().stderr.contains("Nothing calls the function yet; --source adds"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_source_that_the_handler_cannot_answer_is_refused() {
    let folder = built("[handlers.web_echo]\n", "web_echo");
    refused(&folder, &["--source", "sqs"], "choose --source url, http-api or alb");
    let folder = built("[handlers.web_echo]\nother_events = \"post\"\n", "web_echo");
    folder.bulkhead(&["init-deploy", "--tool", "sam", "--source", "sqs"]).succeeded();
}
