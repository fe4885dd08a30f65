// Text -> the same text escaped for another syntax: HTML, a shell's word, a cell of CSV or TSV.
//
//     @html   < > & ' "      ->  &lt; &gt; &amp; &apos; &quot;
//     @sh     it's           ->  it'\''s        both without the outer quotes, so that
//     @csv    say "a"        ->  say ""a""      a long text can be written in pieces
//     @tsv    tab LF CR \    ->  \t \n \r \\     NUL is \0 in all of them
//
// Each function writes at `out` at most as many bytes as its capacity function returns, and returns
// the byte count.

enum Escaping {
    static func htmlCapacity(for byteCount: Int) -> Int { byteCount * 6 }

    static func html(
        _ input: UnsafePointer<UInt8>, _ byteCount: Int, to out: UnsafeMutablePointer<UInt8>
    ) -> Int {
        var o = 0
        for i in 0..<byteCount {
            // Safety: `i < byteCount`, and no entity is longer than the capacity's six bytes.
            let byte = unsafe input[i]
            let entity: StaticString
            switch byte {
            case UInt8(ascii: "<"): entity = "&lt;"
            case UInt8(ascii: ">"): entity = "&gt;"
            case UInt8(ascii: "&"): entity = "&amp;"
            case UInt8(ascii: "'"): entity = "&apos;"
            case UInt8(ascii: "\""): entity = "&quot;"
            case 0x00: entity = "\\0"
            default:
                unsafe out[o] = byte
                o += 1
                continue
            }
            unsafe (out + o).update(from: entity.utf8Start, count: entity.utf8CodeUnitCount)
            o += entity.utf8CodeUnitCount
        }
        return o
    }

    static func shellCapacity(for byteCount: Int) -> Int { byteCount * 4 }

    /// The text between a word's single quotes; a quote inside ends them, is written escaped, and
    /// opens them again.
    static func shell(
        _ input: UnsafePointer<UInt8>, _ byteCount: Int, to out: UnsafeMutablePointer<UInt8>
    ) -> Int {
        let quote = UInt8(ascii: "'")
        // Safety: `i < byteCount`; four bytes for each one read.
        var o = 0
        for i in 0..<byteCount {
            let byte = unsafe input[i]
            if byte == 0 {
                unsafe putNUL(&o, to: out)
                continue
            }
            unsafe out[o] = byte
            o += 1
            if byte == quote {
                unsafe out[o] = UInt8(ascii: "\\")
                unsafe out[o + 1] = quote
                unsafe out[o + 2] = quote
                o += 3
            }
        }
        return o
    }

    private static func putNUL(_ o: inout Int, to out: UnsafeMutablePointer<UInt8>) {
        // Safety: two bytes, within every capacity above.
        unsafe out[o] = UInt8(ascii: "\\")
        unsafe out[o + 1] = UInt8(ascii: "0")
        o += 2
    }

    /// The capacity for a cell of CSV or TSV.
    static func cellCapacity(for byteCount: Int) -> Int { byteCount * 2 }

    /// The text between the double quotes of a string's cell; quotes inside are doubled.
    static func csv(
        _ input: UnsafePointer<UInt8>, _ byteCount: Int, to out: UnsafeMutablePointer<UInt8>
    ) -> Int {
        let quote = UInt8(ascii: "\"")
        // Safety: `i < byteCount`; two bytes for each one read.
        var o = 0
        for i in 0..<byteCount {
            let byte = unsafe input[i]
            if byte == 0 {
                unsafe putNUL(&o, to: out)
                continue
            }
            unsafe out[o] = byte
            o += 1
            if byte == quote {
                unsafe out[o] = quote
                o += 1
            }
        }
        return o
    }

    static func tsv(
        _ input: UnsafePointer<UInt8>, _ byteCount: Int, to out: UnsafeMutablePointer<UInt8>
    ) -> Int {
        var o = 0
        for i in 0..<byteCount {
            // Safety: `i < byteCount`, and at most two bytes are written for each one read.
            let byte = unsafe input[i]
            let escaped: UInt8
            switch byte {
            case 0x09: escaped = UInt8(ascii: "t")
            case 0x0A: escaped = UInt8(ascii: "n")
            case 0x0D: escaped = UInt8(ascii: "r")
            case 0x00: escaped = UInt8(ascii: "0")
            case UInt8(ascii: "\\"): escaped = byte
            default:
                unsafe out[o] = byte
                o += 1
                continue
            }
            unsafe out[o] = UInt8(ascii: "\\")
            unsafe out[o + 1] = escaped
            o += 2
        }
        return o
    }
}
