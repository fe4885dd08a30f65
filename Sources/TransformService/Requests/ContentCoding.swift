// Content-Encoding and Accept-Encoding -> the codings of a request's content and of its response:
//
//     Content-Encoding: gzip                          gzip
//     Accept-Encoding: gzip;q=0.5, deflate, *;q=0     deflate

import HTTPKit

/// A coding of content other than identity (RFC 9110 8.4.1): gzip's files, or zlib's streams.
enum ContentCoding: Sendable, Equatable, CaseIterable {
    case gzip, deflate

    var name: StaticString {
        switch self {
        case .gzip: "gzip"
        case .deflate: "deflate"
        }
    }

    private init?(_ name: some StringProtocol) {
        switch name.lowercased() {
        case "gzip", "x-gzip": self = .gzip
        case "deflate": self = .deflate
        default: return nil
        }
    }

    /// The coding of a request's content; nil for none.
    static func content(of request: Request) throws(Problem) -> ContentCoding? {
        guard request.field(.contentEncoding) != nil else { return nil }
        return try content(request.joinedFields("content-encoding") ?? "")
    }

    /// - Parameter field: the value of Content-Encoding.
    static func content(_ field: String) throws(Problem) -> ContentCoding? {
        var found: ContentCoding?
        for part in field.split(separator: ",") {
            let name = FieldList.trimmed(part)
            if name.isEmpty || name.lowercased() == "identity" { continue }
            guard let coding = ContentCoding(name), found == nil else {
                throw Problem(
                    .unsupportedCoding,
                    "Content-Encoding \(field) is not served; one of gzip and deflate is.")
            }
            found = coding
        }
        return found
    }

    /// The coding that the client prefers; nil for none.
    static func response(to request: Request) -> ContentCoding? {
        guard request.field(.acceptEncoding) != nil else { return nil }
        if let control = request.joinedFields("cache-control"),
            control.lowercased().split(separator: ",").contains(where: {
                FieldList.trimmed($0) == "no-transform"
            })
        {
            return nil
        }
        return response(accepting: request.joinedFields("accept-encoding") ?? "")
    }

    /// - Parameter field: the value of Accept-Encoding.
    static func response(accepting field: String) -> ContentCoding? {
        var weights: [ContentCoding: Double] = [:]
        var identity: Double?
        var others: Double?
        for part in field.split(separator: ",") {
            let pieces = part.split(separator: ";", omittingEmptySubsequences: false)
            let name = FieldList.trimmed(pieces[0])
            let weight = FieldList.weight(pieces.dropFirst())
            if name == "*" {
                others = max(others ?? 0, weight)
            } else if name.lowercased() == "identity" {
                identity = max(identity ?? 0, weight)
            } else if let coding = ContentCoding(name) {
                weights[coding] = max(weights[coding] ?? 0, weight)
            }
        }
        let gzip = weights[.gzip] ?? others ?? 0
        let deflate = weights[.deflate] ?? others ?? 0
        let best = max(gzip, deflate)
        // Identity is always acceptable here, but its weight counts if one is given.
        if best <= 0 || best < identity ?? 0 { return nil }
        return gzip >= deflate ? .gzip : .deflate
    }
}
