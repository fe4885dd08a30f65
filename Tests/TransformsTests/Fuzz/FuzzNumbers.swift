// Any bytes as a number -> what is wrong with how they are read and written, or nil; the C
// library's `strtod` is the reference.

import Glibc

@testable import Transforms

final class FuzzNumbers: FuzzTarget {
    static let words = [
        "0", "00000000", "99999999", "123456789", ".", "e", "E", "+", "-", "e-308", "e308", "e-324",
        "5e-324", "1.7976931348623157e308", "9007199254740993", "2.2250738585072011e-308",
        "e999999999", "e-999999999", "e99999999999999999999", "0.0000000000000000000001",
    ]

    init() {}

    func complaint(_ input: [UInt8]) -> String? {
        guard let first = input.first, first != 0x20, first != 0x09, first != 0x0A, first != 0x0D,
            first == UInt8(ascii: "-") || (0x30...0x39).contains(first),
            GrammarChecker.accepts(input, depthMax: 1), input.last.map({ $0 > 0x20 }) == true
        else { return nil }
        let value = double(input)
        let expected = unsafe strtod(String(decoding: input, as: UTF8.self), nil)
        if value.bitPattern != expected.bitPattern { return "read \(value), not \(expected)" }
        if let complaint = writing(value) { return complaint }
        guard let canonical = canonical(input) else { return "a literal writes over its room" }
        if double(canonical).bitPattern != value.bitPattern, value.isFinite {
            return "canonical \(String(decoding: canonical, as: UTF8.self)) is not \(value)"
        }
        if compare(input, input) != 0 { return "is not equal to itself" }
        let order = compare(input, Array("1".utf8))
        if value > 1 && order <= 0 || value < 1 && order >= 0 { return "order \(order) to 1" }
        return nil
    }

    private func double(_ text: [UInt8]) -> Double {
        // Safety: the array outlives the call.
        unsafe text.withUnsafeBufferPointer {
            unsafe DecimalReader.double($0.baseAddress!, $0.count)
        }
    }

    private func writing(_ value: Double) -> String? {
        var room = [UInt8](repeating: 0xAA, count: DoubleWriter.roomMax + 8)
        // Safety: the room is as long as the writer asks for.
        let count = unsafe room.withUnsafeMutableBufferPointer {
            unsafe DoubleWriter.write(value, to: $0.baseAddress!)
        }
        if count > DoubleWriter.roomMax
            || room[DoubleWriter.roomMax...].contains(where: { $0 != 0xAA })
        {
            return "a double writes over its room"
        }
        let again = double(Array(room[..<count]))
        if value.isFinite && again.bitPattern != value.bitPattern {
            return "\(value) written and read is \(again)"
        }
        return nil
    }

    private func canonical(_ text: [UInt8]) -> [UInt8]? {
        var room = [UInt8](repeating: 0xAA, count: text.count + 32)
        // Safety: there is more room than is promised.
        let count = unsafe room.withUnsafeMutableBufferPointer { room in
            unsafe text.withUnsafeBufferPointer {
                unsafe LiteralText.canonical($0.baseAddress!, $0.count, to: room.baseAddress!)
            }
        }
        if room[(text.count + 24)...].contains(where: { $0 != 0xAA }) { return nil }
        return Array(room[..<count])
    }

    private func compare(_ lhs: [UInt8], _ rhs: [UInt8]) -> Int {
        // Safety: the arrays outlive the call.
        unsafe lhs.withUnsafeBufferPointer { lhs in
            unsafe rhs.withUnsafeBufferPointer { rhs in
                unsafe LiteralText.compare(
                    lhs.baseAddress!, lhs.count, rhs.baseAddress!, rhs.count)
            }
        }
    }
}
