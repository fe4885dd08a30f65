// Bytes as they come -> how many of them are whole inputs. It tells JSON texts apart by their
// quotes and brackets alone; what is malformed is for the reader to find.
//
//     {"a":1}\n{"b":      the boundary is behind the first `}` and its newline
//     12                  none: the number may go on
//     [1,2                of events: behind the comma

struct BoundaryScanner {
    /// Where bytes may be parted; `whole` as `texts`.
    let parts: InputFiles.Parts
    /// The first bytes that have been looked at, and of these the ones that are whole inputs.
    private(set) var scanned = 0
    private(set) var boundary = 0
    private var depth = 0
    private var isInString = false
    private var isEscaped = false

    init(_ parts: InputFiles.Parts) { self.parts = parts }

    /// Looks at the bytes behind those of the last call.
    mutating func scan(_ bytes: UnsafeRawBufferPointer) {
        // Safety: every offset is below the buffer's count, which subscripts check in debug builds.
        if parts == .lines {
            for offset in scanned..<bytes.count {
                if unsafe bytes[offset] == 0x0A { boundary = offset + 1 }
            }
            scanned = bytes.count
            return
        }
        let separator: UInt8? = parts == .records ? 0x1E : nil
        for offset in scanned..<bytes.count {
            let byte = unsafe bytes[offset]
            if byte == separator {
                // A record begins whatever stands before.
                (depth, isInString, isEscaped) = (0, false, false)
                boundary = offset
                continue
            }
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                    if depth == 0 { boundary = offset + 1 }
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                depth = max(0, depth - 1)
                if depth == 0 { boundary = offset + 1 }
            case 0x20, 0x0A, 0x0D, 0x09: if depth == 0 { boundary = offset + 1 }
            case UInt8(ascii: ","): if parts == .events { boundary = offset + 1 }
            default: break
            }
        }
        scanned = bytes.count
    }

    /// The bytes up to the boundary have been taken away.
    mutating func take() {
        scanned -= boundary
        boundary = 0
    }
}
