//! Ten thousand events: few rows in the document, all of them to be seen, and how long the frames took.

use bulkhead_tests::Dev;
use serde_json::Value;

use crate::page::browser::{Browser, say};
use crate::page::page;

const EVENTS: usize = 10_000;

/// Scrolls from where the list is towards the last row for up to fifty frames, less than a window with each frame. Gives how long
/// each frame took, the most rows that were there at a time, how many different ones were seen so far, and whether the end
/// is reached.
const SCROLL: &str = "
    const list = document.querySelector('#list');
    const seen = (window.seen ??= new Set());
    const times = [];
    let [most, last, isEnd] = [0, 0, false];
    const frame = () => new Promise(requestAnimationFrame);
    const look = () => {
      const rows = document.querySelectorAll('#rows .row');
      most = Math.max(most, rows.length);
      rows.forEach((row) => seen.add(row.id));
    };
    await frame();
    // From the second scroll on, the list is drawn in the frame in which it is scrolled.
    list.scrollTop += 1;
    for (last = await frame(); times.length < 50 && !isEnd; ) {
      look();
      isEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 1;
      list.scrollTop += list.clientHeight - 28;
      const now = await frame();
      times.push(now - last);
      last = now;
    }
    await frame();
    look();
    return { times, most, seen: seen.size, isEnd };";

/// Scrolls from the first row to the last, in parts, so that no script takes long on a busy machine. Gives how long each frame
/// took, and the most rows that were there at a time.
fn scrolled(browser: &Browser) -> (Vec<f64>, u64) {
    browser.read("document.querySelector('#list').scrollTop = 0");
    let (mut times, mut most) = (Vec::new(), 0);
    loop {
        let told = browser.run(SCROLL);
        times.extend(told["times"].as_array().expect("times").iter().filter_map(Value::as_f64));
        most = most.max(told["most"].as_u64().expect("rows"));
        if told["isEnd"] == true {
            assert_eq!(told["seen"], EVENTS, "each can be seen");
            return (times, most);
        }
    }
}

/// The page is opened while all events are there already.
fn opened_anew(browser: &Browser) {
    browser.goto("/");
    let told = browser.wait(
        "document.querySelector('#shown').innerText === '10,000 events' && document.querySelector('#rows .row')
         && ({ ms: Math.round(performance.now()), parts: document.querySelectorAll('*').length })",
    );
    let parts = told["parts"].as_u64().expect("a number");
    assert!(parts < 1500, "{parts} elements");
    say(&format!(
        "10,000 events are shown {} ms after the page was asked for, with {parts} elements",
        told["ms"]
    ));
}

/// The first row that is visible as a whole below the head of the list, and its place on the screen.
const READ: &str = "((top) => [...document.querySelectorAll('#rows .row')].map((row) => [row.id, Math.round(row.getBoundingClientRect().top)])
    .find(([, at]) => at >= top))(document.querySelector('#list').getBoundingClientRect().top + 28)";

/// Whether a row is at the place where it was.
fn is_read(before: &Value) -> String {
    format!("JSON.stringify({READ}) === JSON.stringify({before})")
}

/// Newer events arrive above what somebody reads, and the oldest go. Scroll events come between their arrival and the next
/// frame, as they do while somebody scrolls.
fn what_is_read_stays(dev: &Dev, browser: &Browser) {
    let scroll = "window.scrolls = setInterval(() => document.querySelector('#list').dispatchEvent(new Event('scroll')), 0)";
    browser.read("document.querySelector('#list').scrollTop = 5000");
    browser.wait("document.querySelector('#rows .row').getAttribute('aria-rowindex') > 100");
    let before = browser.read(READ);
    browser.read(scroll);
    for number in 0..5 {
        dev.invoke("echo", number.to_string(), &[]);
    }
    browser.wait("document.querySelector('#list').scrollTop === 5000 + 5 * 28");
    browser.wait(&is_read(&before));
    // While the list is not there, too.
    browser.click("#tab-tenants");
    for number in 5..10 {
        dev.invoke("echo", number.to_string(), &[]);
    }
    browser.click("#tab-events");
    browser.wait("document.querySelector('#list').scrollTop === 5000 + 10 * 28");
    browser.wait(&is_read(&before));
    browser.read("clearInterval(window.scrolls)");
    browser.read("document.querySelector('#list').scrollTop = 0");
    browser.wait("document.querySelector('#row-10011')");
    assert_eq!(browser.text("#shown"), "10,000 events");
}

#[test]
fn ten_thousand_events_are_a_few_rows() {
    let Some((dev, _root, browser)) = page("many") else { return };
    std::thread::scope(|scope| {
        for caller in 0..4 {
            let dev = &dev;
            scope.spawn(move || {
                for number in 0..EVENTS / 4 {
                    let tenant = format!("tenant-{}", (number + caller) % 50);
                    let answer = dev.invoke("echo", "{}", &[("x-amz-tenant-id", &tenant)]);
                    assert_eq!(answer.status, 200, "{}", answer.text());
                }
            });
        }
    });
    browser.wait("document.querySelector('#shown').innerText === '10,000 events'");
    browser.wait("!document.querySelector('#rows [data-state=running]')");
    let (mut times, most) = scrolled(&browser);
    assert!(most < 200, "{most} rows at a time");
    let kept = browser.keep_text("frames.json", &serde_json::json!(times).to_string());
    times.sort_by(f64::total_cmp);
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    say(&format!(
        "10,000 events, {most} rows at a time; {} frames of a scroll through all: median {:.1} ms, 95% {:.1} ms, longest {:.1} ms ({})",
        times.len(),
        at(50),
        at(95),
        at(100),
        kept.display()
    ));
    browser.survey("10000-events");
    browser.fill("#filter", "tenant-7 echo");
    browser.wait("document.querySelector('#shown').innerText.startsWith('200 of')");
    dev.invoke("ways", r#""panic""#, &[("x-amz-tenant-id", "slow")]);
    browser.fill("#filter", "");
    browser.wait("document.querySelector('#shown').innerText === '10,000 events'");
    browser.click("#failed");
    browser.wait("document.querySelector('#shown').innerText === '1 of 10,000 events'");
    browser.click("#tab-tenants");
    browser.wait("document.querySelectorAll('.tenants tbody tr').length === 51");
    browser.keep("tenants");
    opened_anew(&browser);
    what_is_read_stays(&dev, &browser);
    browser.finish();
}
