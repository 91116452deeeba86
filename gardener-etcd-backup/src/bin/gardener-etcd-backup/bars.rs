//! Bars on a terminal, one for each snapshot that is being read or written.

use std::{
    collections::HashMap,
    io::IsTerminal,
    sync::{Arc, Mutex, PoisonError},
};

use gardener_etcd_backup::{Event, Observer, Observers};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Bars, if somebody looks at them.
pub(crate) fn shown() -> Observers {
    if std::io::stderr().is_terminal() {
        Observers::none().and(Arc::new(Bars::default()))
    } else {
        Observers::none()
    }
}

#[derive(Debug, Default)]
struct Bars {
    screen: MultiProgress,
    bars: Mutex<HashMap<String, ProgressBar>>,
}

impl Bars {
    fn bar(&self, what: &str, of: u64) -> ProgressBar {
        let bar = self.screen.add(ProgressBar::new(of)).with_message(what.to_owned());
        let style = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}");
        // The template is a constant that is one.
        style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style))
    }
}

impl Observer for Bars {
    fn event(&self, event: &Event) {
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Progress { done, of, what } => {
                let bar = bars.entry(what.clone()).or_insert_with(|| self.bar(what, *of));
                bar.set_length((*of).max(*done));
                bar.set_position(*done);
                if done >= of {
                    bar.finish_and_clear();
                    bars.remove(what);
                }
            }
            Event::Taken { .. }
            | Event::NotTaken { .. }
            | Event::Restored { .. }
            | Event::Verified { .. } => {
                bars.drain().for_each(|(_, bar)| bar.finish_and_clear());
            }
            _ => {}
        }
    }
}
