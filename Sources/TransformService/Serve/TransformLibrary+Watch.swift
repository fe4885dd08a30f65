// The transforms folder's changes -> reloads, on a thread that polls.

extension TransformLibrary {
    private static var watchStackBytes: Int { 16 << 20 }

    /// Polls the folder for as long as the library lives.
    func watch(everyMilliseconds interval: Int32) {
        guard folder != nil else { return }
        let isStarted = Thread.start(
            name: "transforms", stackBytes: Self.watchStackBytes, niceness: 5
        ) { [weak self] in
            while true {
                Thread.sleep(milliseconds: interval)
                guard let self else { return }
                self.reload(always: false)
            }
        }
        if !isStarted { Process.writeError("no thread to watch the transforms folder") }
    }
}
