// A path -> the address of a Unix socket, free to be bound: a dead server's socket is removed.

internal import Glibc

enum UnixSocket {
    /// Removes a socket on which no process listens.
    /// - Throws: `ListenError` if the path is in use, is not a socket or cannot be an address.
    static func prepare(_ path: String) throws(ListenError) {
        let address = try address(path)
        var status = stat()
        // Safety: the call writes the one `stat` that it is given.
        guard unsafe lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path: path) }
        if isListenedOn(address) { throw .socketInUse(path: path) }
        remove(path)
    }

    static func remove(_ path: String) {
        // Safety: the call reads the path, which the bridging keeps alive for its length.
        _ = unsafe unlink(path)
    }

    static func address(_ path: String) throws(ListenError) -> sockaddr_un {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard !bytes.isEmpty, bytes.count < capacity, !bytes.contains(0) else {
            throw .badSocketPath(path: path)
        }
        // Safety: the guard leaves room for all bytes and the NUL that ends them.
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        return address
    }

    private static func isListenedOn(_ address: sockaddr_un) -> Bool {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return true }
        defer { Socket.close(descriptor) }
        // Safety: a sockaddr_un may be passed as a sockaddr of its own size.
        let result = unsafe withUnsafePointer(to: address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        return result == 0
    }
}
