// Names and values -> one line of the log, as text or JSON:
//
//     2026-11-22T22:15:44.123Z info request request_id=k3 status=200 duration_ms=0.123
//     {"time":"2026-11-22T22:15:44.123Z","level":"info","message":"request","request_id":"k3",...}
//
// External values can neither end a line nor imitate another field.

import HTTPKit
import Logging

enum LogFormat: String, Sendable, CaseIterable { case text, json }

struct LogLine {
    private(set) var bytes: [UInt8] = []
    private let format: LogFormat

    init(_ format: LogFormat) {
        self.format = format
        bytes.reserveCapacity(512)
    }

    /// Begins a line; reuses the memory of the previous one.
    mutating func begin(_ time: Timestamp, _ level: Logger.Level, _ message: String) {
        bytes.removeAll(keepingCapacity: true)
        if format == .json {
            append("{\"time\":\"")
            time.append(to: &bytes)
            append("\",\"level\":\"")
            append(level.name)
            append("\",\"message\":")
            quote(message)
        } else {
            time.append(to: &bytes)
            append(" ")
            append(level.name)
            append(" ")
            // The message is a sentence of the service: unquoted, but it cannot end the line.
            for byte in message.utf8 { bytes.append(byte < 0x20 || byte == 0x7F ? 0x20 : byte) }
        }
    }

    mutating func end() { append(format == .json ? "}\n" : "\n") }

    mutating func field(_ name: StaticString, _ value: String) {
        begin(name)
        if format == .json || !Self.isPlain(value) { quote(value) } else { bytes += value.utf8 }
    }

    /// A field whose name is known only at run time.
    mutating func field(named name: String, _ value: String) {
        if format == .json {
            append(",")
            quote(name)
            append(":")
        } else {
            append(" ")
            for byte in name.utf8 {
                bytes.append(byte <= 0x20 || byte >= 0x7F ? UInt8(ascii: "_") : byte)
            }
            append("=")
        }
        if format == .json || !Self.isPlain(value) { quote(value) } else { bytes += value.utf8 }
    }

    /// A word of the service itself.
    mutating func field(_ name: StaticString, word: StaticString) {
        begin(name)
        if format == .json { append("\"") }
        append(word)
        if format == .json { append("\"") }
    }

    mutating func field(_ name: StaticString, _ value: Int) {
        begin(name)
        number(UInt64(value < 0 ? 0 : value))
    }

    /// A time in milliseconds with three decimals.
    mutating func field(_ name: StaticString, milliseconds nanoseconds: UInt64) {
        begin(name)
        let microseconds = (nanoseconds &+ 500) / 1_000
        number(microseconds / 1_000)
        append(".")
        Decimal.append(microseconds % 1_000, digitCount: 3, to: &bytes)
    }

    /// 16 hexadecimal digits.
    mutating func field(_ name: StaticString, digest: UInt64) {
        begin(name)
        if format == .json { append("\"") }
        hexadecimal(digest, digitCount: 16)
        if format == .json { append("\"") }
    }

    private mutating func begin(_ name: StaticString) {
        append(format == .json ? ",\"" : " ")
        append(name)
        append(format == .json ? "\":" : "=")
    }

    /// Visible ASCII that no parser takes for a quote, an escape or another field.
    private static func isPlain(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "=")
                    && $0 != UInt8(ascii: "\\")
            }
    }

    /// A JSON string; in text lines too, if a value is not plain.
    private mutating func quote(_ text: String) {
        append("\"")
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22, 0x5C: bytes += [UInt8(ascii: "\\"), UInt8(scalar.value)]
            // Control characters of both ranges, and line separators.
            case ..<0x20, 0x7F..<0xA0, 0x2028, 0x2029: escape(scalar.value)
            case ..<0x80: bytes.append(UInt8(scalar.value))
            default: bytes += String(scalar).utf8
            }
        }
        append("\"")
    }

    private mutating func escape(_ value: UInt32) {
        append("\\u")
        hexadecimal(UInt64(value), digitCount: 4)
    }

    private mutating func hexadecimal(_ value: UInt64, digitCount: Int) {
        for index in (0..<digitCount).reversed() {
            let part = UInt8(truncatingIfNeeded: value >> UInt64(4 * index) & 15)
            bytes.append(HexDigit.digit(of: part))
        }
    }

    private mutating func number(_ value: UInt64) {
        Decimal.append(value, digitCount: Decimal.digitCount(value), to: &bytes)
    }

    private mutating func append(_ text: StaticString) {
        // Safety: the buffer is the static string's own, used while it is copied.
        text.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
    }
}

extension Logger.Level {
    var name: StaticString {
        switch self {
        case .trace: "trace"
        case .debug: "debug"
        case .info: "info"
        case .notice: "notice"
        case .warning: "warning"
        case .error: "error"
        case .critical: "critical"
        }
    }
}
