//! Panels in Grafana's format.

use serde_json::{Value, json};

/// Number of columns in Grafana's grid.
pub(super) const WIDTH: u32 = 24;

/// A panel with its queries. It has a width and a height, and [`laid_out`] sets its position.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    kind: &'static str,
    title: &'static str,
    description: &'static str,
    size: (u32, u32),
    unit: &'static str,
    queries: Vec<Value>,
    thresholds: Vec<Value>,
    more: Value,
}

impl Panel {
    fn new(kind: &'static str, title: &'static str, size: (u32, u32), unit: &'static str, more: Value) -> Self {
        Self { kind, title, description: "", size, unit, queries: vec![], thresholds: vec![step(None, "green")], more }
    }

    /// Returns a panel with one number. The background color shows whether the number is good.
    pub(super) fn number(title: &'static str, unit: &'static str) -> Self {
        let options = json!({
            "colorMode": "background", "graphMode": "none", "textMode": "value",
            "reduceOptions": { "calcs": ["lastNotNull"] },
        });
        Self::new("stat", title, (4, 4), unit, options)
    }

    /// Returns a panel with lines over time.
    pub(super) fn lines(title: &'static str, width: u32, unit: &'static str) -> Self {
        let options = json!({
            "legend": { "displayMode": "list", "placement": "bottom" },
            "tooltip": { "mode": "multi", "sort": "desc" },
        });
        Self::new("timeseries", title, (width, 7), unit, options)
    }

    /// Returns a table of current values, with a row for each.
    pub(super) fn table(title: &'static str, width: u32, unit: &'static str) -> Self {
        Self::new("table", title, (width, 7), unit, json!({ "sortBy": [{ "displayName": "Value", "desc": false }] }))
    }

    pub(super) fn described(self, description: &'static str) -> Self {
        Self { description, ..self }
    }

    /// Adds a query. `legend` contains labels in double braces.
    pub(super) fn asks(mut self, expr: &str, legend: &str) -> Self {
        let mut query = json!({ "refId": reference(self.queries.len()), "expr": expr, "legendFormat": legend });
        if self.kind == "table" {
            query["format"] = "table".into();
        }
        if self.kind != "timeseries" {
            query["instant"] = true.into();
        }
        self.queries.push(query);
        self
    }

    /// Sets the colors of the values. Each color applies from its value on, and `lowest` to all lower values.
    pub(super) fn coloured(self, lowest: &str, steps: &[(f64, &str)]) -> Self {
        let steps = steps.iter().map(|(value, colour)| step(Some(*value), colour));
        Self { thresholds: [step(None, lowest)].into_iter().chain(steps).collect(), ..self }
    }

    fn placed(&self, id: usize, (x, y): (u32, u32)) -> Value {
        let (width, height) = self.size;
        let mut panel = json!({
            "id": id, "type": self.kind, "title": self.title, "description": self.description,
            "gridPos": { "x": x, "y": y, "w": width, "h": height },
            "datasource": { "type": "prometheus", "uid": "${datasource}" },
            "fieldConfig": {
                "defaults": {
                    "unit": self.unit,
                    "color": { "mode": if self.kind == "timeseries" { "palette-classic" } else { "thresholds" } },
                    "thresholds": { "mode": "absolute", "steps": self.thresholds },
                },
                "overrides": [],
            },
            "options": self.more, "targets": self.queries,
        });
        if self.kind == "table" {
            // Readers do not need Prometheus' own time column.
            panel["transformations"] = json!([{ "id": "organize", "options": { "excludeByName": { "Time": true } } }]);
        }
        panel
    }
}

fn step(value: Option<f64>, colour: &str) -> Value {
    json!({ "color": colour, "value": value })
}

/// Returns the reference of a query: A, B, C and so on.
fn reference(place: usize) -> String {
    char::from(b'A' + u8::try_from(place).expect("a panel has few queries")).to_string()
}

/// Places panels from left to right. A panel that does not fit starts a new row.
pub(super) fn laid_out(panels: &[Panel]) -> Vec<Value> {
    let (mut x, mut y, mut highest) = (0, 0, 0);
    let placed = panels.iter().enumerate().map(|(place, panel)| {
        if x + panel.size.0 > WIDTH {
            (x, y, highest) = (0, y + highest, 0);
        }
        let at = panel.placed(place + 1, (x, y));
        x += panel.size.0;
        highest = highest.max(panel.size.1);
        at
    });
    placed.collect()
}
