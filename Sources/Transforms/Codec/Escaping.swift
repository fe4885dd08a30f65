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
        unsafe replace(input, byteCount, to: out) { byte in
            switch byte {
            case UInt8(ascii: "<"): "&lt;"
            case UInt8(ascii: ">"): "&gt;"
            case UInt8(ascii: "&"): "&amp;"
            case UInt8(ascii: "'"): "&apos;"
            case UInt8(ascii: "\""): "&quot;"
            case 0x00: "\\0"
            default: nil
            }
        }
    }

    static func shellCapacity(for byteCount: Int) -> Int { byteCount * 4 }

    /// The text between a word's single quotes; a quote inside ends them, is written escaped, and
    /// opens them again.
    static func shell(
        _ input: UnsafePointer<UInt8>, _ byteCount: Int, to out: UnsafeMutablePointer<UInt8>
    ) -> Int {
        unsafe replace(input, byteCount, to: out) { byte in
            switch byte {
            case UInt8(ascii: "'"): "'\\''"
            case 0x00: "\\0"
            default: nil
            }
        }
    }

    /// The capacity for a cell of CSV or TSV.
    static func cellCapacity(for byteCount: Int) -> Int { byteCount * 2 }

    /// The text between the double quotes of a string's cell; quotes inside are doubled.
    static func csv(
        _ input: UnsafePointer<UInt8>, _ byteCount: Int, to out: UnsafeMutablePointer<UInt8>
    ) -> Int {
        unsafe replace(input, byteCount, to: out) { byte in
            switch byte {
            case UInt8(ascii: "\""): "\"\""
            case 0x00: "\\0"
            default: nil
            }
        }
    }

    static func tsv(
        _ input: UnsafePointer<UInt8>, _ byteCount: Int, to out: UnsafeMutablePointer<UInt8>
    ) -> Int {
        unsafe replace(input, byteCount, to: out) { byte in
            switch byte {
            case 0x09: "\\t"
            case 0x0A: "\\n"
            case 0x0D: "\\r"
            case UInt8(ascii: "\\"): "\\\\"
            case 0x00: "\\0"
            default: nil
            }
        }
    }

    /// Copies the bytes except those that have a replacement.
    @inline(__always) private static func replace(
        _ input: UnsafePointer<UInt8>, _ byteCount: Int, to out: UnsafeMutablePointer<UInt8>,
        by replacement: (UInt8) -> StaticString?
    ) -> Int {
        var o = 0
        for i in 0..<byteCount {
            // Safety: `i < byteCount`, and no text is longer than the capacity for one byte.
            let byte = unsafe input[i]
            guard let text = replacement(byte) else {
                unsafe out[o] = byte
                o += 1
                continue
            }
            unsafe (out + o).update(from: text.utf8Start, count: text.utf8CodeUnitCount)
            o += text.utf8CodeUnitCount
        }
        return o
    }
}
