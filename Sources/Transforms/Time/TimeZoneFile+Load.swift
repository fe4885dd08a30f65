// A zone's name -> its file in the system's time zone database, read and checked.
//
//     nil                      /etc/localtime, else UTC
//     ""                       UTC
//     America/New_York         /usr/share/zoneinfo/America/New_York; a leading ":" means the same
//     EST5EDT,M3.2.0,M11.1.0   a rule by itself
//
// A name comes from the environment, perhaps from a program, and must never lead outside the
// database.

internal import Glibc

extension TimeZoneFile {
    static let databasePath = "/usr/share/zoneinfo/"
    static let localtimePath = "/etc/localtime"
    /// The longest zone name taken, in bytes.
    static let nameByteCountMax = 255

    /// The zone that the environment sets for the process: `$TZ`, else `/etc/localtime`, else UTC.
    /// Read once: opening the file took 9 of the 10 us of a `strptime`.
    static let system: TimeZoneFile = {
        // Safety: getenv returns null or a string that ends in 0; nothing here sets the
        // environment.
        guard let value = unsafe getenv("TZ") else {
            return read(path: localtimePath).flatMap { TimeZoneFile(tzif: $0) } ?? .utc
        }
        return load(unsafe String(cString: value)) ?? .utc
    }()

    /// The zone of a `TZ` value. Nil when it names none, or leads outside the database.
    static func load(_ value: String) -> TimeZoneFile? {
        var name = value[...]
        if name.first == ":" { name.removeFirst() }
        if name.isEmpty { return .utc }
        if name.hasPrefix(databasePath) { name = name.dropFirst(databasePath.count) }
        guard name.utf8.count <= nameByteCountMax else { return nil }
        if isInside(name), let bytes = read(path: databasePath + name) {
            return TimeZoneFile(tzif: bytes)
        }
        return TimeZoneFile(posix: Array(name.utf8)[...])
    }

    /// Whether a name stays inside the database: relative, no empty, `.` or `..` part, no NUL.
    static func isInside(_ name: Substring) -> Bool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        return parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
            && !name.utf8.contains(0)
    }

    /// A regular file's bytes; nil when it cannot be read or has more than `byteCountMax`.
    private static func read(path: String) -> [UInt8]? {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var status = stat()
        // Safety: fstat fills the one structure it is given.
        guard unsafe fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            status.st_size <= byteCountMax
        else { return nil }
        return unsafe [UInt8](unsafeUninitializedCapacity: Int(status.st_size)) { buffer, count in
            // Safety: each read asks for no more than the buffer has left.
            while count < buffer.count {
                let got = unsafe Glibc.read(file, buffer.baseAddress! + count, buffer.count - count)
                guard got > 0 else { break }
                count += got
            }
        }
    }
}
