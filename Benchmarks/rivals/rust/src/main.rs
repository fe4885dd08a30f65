// `rust-rival PORT THREADS`: the transforms of service.py as a Rust service writes them.
//
//     POST /transform    orders -> one group a city, through serde_json's Value, as for any JSON
//     POST /typed        the same through structs that know the orders' shape, which is less work
//     POST /small        {"name", "values"} -> {"name", "total"}

use hyper::service::{make_service_fn, service_fn};
use hyper::{header, Body, Method, Request, Response, Server, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;

#[derive(Serialize)]
struct Group<'a> {
    city: &'a str,
    orders: u64,
    units: i64,
    total: f64,
}

impl<'a> Group<'a> {
    fn new(city: &'a str) -> Self {
        Group { city, orders: 0, units: 0, total: 0.0 }
    }
}

#[derive(Serialize)]
struct Small<'a> {
    name: &'a str,
    total: i64,
}

#[derive(Deserialize)]
struct Order<'a> {
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow)]
    customer: Customer<'a>,
    items: Vec<Item>,
    total: f64,
}

#[derive(Deserialize)]
struct Customer<'a> {
    #[serde(borrow)]
    address: Address<'a>,
}

#[derive(Deserialize)]
struct Address<'a> {
    #[serde(borrow)]
    city: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Item {
    qty: i64,
}

fn group(bytes: &[u8]) -> Option<Vec<u8>> {
    let orders: Value = serde_json::from_slice(bytes).ok()?;
    let mut groups: BTreeMap<&str, Group> = BTreeMap::new();
    for order in orders.as_array()? {
        if order["status"] == "returned" {
            continue;
        }
        let city = order["customer"]["address"]["city"].as_str()?;
        let group = groups.entry(city).or_insert_with(|| Group::new(city));
        group.orders += 1;
        for item in order["items"].as_array()? {
            group.units += item["qty"].as_i64()?;
        }
        group.total += order["total"].as_f64()?;
    }
    serde_json::to_vec(&groups.values().collect::<Vec<_>>()).ok()
}

fn group_typed(bytes: &[u8]) -> Option<Vec<u8>> {
    let orders: Vec<Order> = serde_json::from_slice(bytes).ok()?;
    let mut groups: BTreeMap<&str, Group> = BTreeMap::new();
    for order in &orders {
        if order.status == "returned" {
            continue;
        }
        let city = order.customer.address.city.as_ref();
        let group = groups.entry(city).or_insert_with(|| Group::new(city));
        group.orders += 1;
        group.units += order.items.iter().map(|item| item.qty).sum::<i64>();
        group.total += order.total;
    }
    serde_json::to_vec(&groups.values().collect::<Vec<_>>()).ok()
}

fn small(bytes: &[u8]) -> Option<Vec<u8>> {
    let input: Value = serde_json::from_slice(bytes).ok()?;
    let mut total = 0;
    for value in input["values"].as_array()? {
        total += value.as_i64()?;
    }
    serde_json::to_vec(&Small { name: input["name"].as_str()?, total }).ok()
}

fn answer(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

async fn handle(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let transform = match (request.method(), request.uri().path()) {
        (&Method::POST, "/transform") => group,
        (&Method::POST, "/typed") => group_typed,
        (&Method::POST, "/small") => small,
        _ => return Ok(answer(StatusCode::NOT_FOUND, Vec::new())),
    };
    let Ok(bytes) = hyper::body::to_bytes(request.into_body()).await else {
        return Ok(answer(StatusCode::BAD_REQUEST, Vec::new()));
    };
    Ok(match transform(&bytes) {
        Some(body) => answer(StatusCode::OK, body),
        None => answer(StatusCode::BAD_REQUEST, b"{\"error\":\"bad input\"}".to_vec()),
    })
}

fn main() {
    let arguments: Vec<u16> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let &[port, threads] = arguments.as_slice() else {
        eprintln!("usage: rust-rival PORT THREADS");
        std::process::exit(64);
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads.into())
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let service =
            make_service_fn(|_| async { Ok::<_, Infallible>(service_fn(handle)) });
        if let Err(error) = Server::bind(&address).tcp_nodelay(true).serve(service).await {
            eprintln!("{error}");
            std::process::exit(1);
        }
    });
}
