// Names and values -> the bytes of one JSON object, for the small responses that the service writes
// itself: problems, health, lists.

import HTTPKit

/// Appends members of objects, one after the other.
struct JSONText {
    private(set) var bytes: [UInt8] = []

    init() { bytes.reserveCapacity(256) }

    mutating func open() { bytes.append(UInt8(ascii: "{")) }
    mutating func close() { bytes.append(UInt8(ascii: "}")) }

    /// The name of the next member; its value is appended next.
    mutating func name(_ name: StaticString) {
        if bytes.last != UInt8(ascii: "{") { bytes.append(UInt8(ascii: ",")) }
        string("\(name)")
        bytes.append(UInt8(ascii: ":"))
    }

    mutating func member(_ name: StaticString, _ text: String) {
        self.name(name)
        string(text)
    }

    mutating func member(_ name: StaticString, _ number: Int) {
        self.name(name)
        bytes += "\(number)".utf8
    }

    mutating func member(_ name: StaticString, _ flag: Bool) {
        self.name(name)
        bytes += (flag ? "true" : "false").utf8
    }

    /// A member whose value is already JSON text.
    mutating func member(_ name: StaticString, json: [UInt8]) {
        self.name(name)
        bytes += json
    }

    /// `[1,2]` of `1` and `2`.
    static func array(_ elements: [[UInt8]]) -> [UInt8] {
        Array("[".utf8) + Array(elements.joined(separator: ",".utf8)) + Array("]".utf8)
    }

    static func string(_ text: String) -> [UInt8] {
        var json = JSONText()
        json.string(text)
        return json.bytes
    }

    private mutating func string(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0x0A: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
            case 0x09: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "t")]
            case 0..<0x20, 0x7F:
                bytes += "\\u00".utf8
                bytes += [HexDigit.digit(of: byte >> 4), HexDigit.digit(of: byte & 15)]
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
