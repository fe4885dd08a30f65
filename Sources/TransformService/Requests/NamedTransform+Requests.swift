// A request's arguments for a named transform -> a problem if they are not allowed; and the
// location of an error in its run.

import Transforms

extension NamedTransform {
    /// Refuses arguments that the metadata does not declare; the problem lists those that it does.
    func check(argument name: String) throws(Problem) {
        guard let known = metadata.arguments, !known.contains(where: { $0.name == name }) else {
            return
        }
        let names = known.map { "`\($0.name)`" }.joined(separator: ", ")
        throw Problem(
            .unknownArgument,
            "The transform `\(self.name)` has no argument `\(name.prefix(200))`; "
                + (names.isEmpty ? "it has none." : "it has \(names)."))
    }

    /// - Parameter offset: of a run's error; counts through the program and all its modules.
    func location(of offset: Int) -> Problem.Location? {
        guard let (module, offset) = program.moduleOffset(of: offset) else { return nil }
        guard let text = module.map({ modules[$0] }) ?? text else { return nil }
        var location = Problem.Location(offset: offset, in: text)
        location.file = module ?? path
        return location
    }
}

extension Problem.Location {
    /// The location of an offset in a program's text.
    init(offset: Int, in text: [UInt8]) {
        let location = ProgramLocation(offset: offset, in: text)
        self.init(
            offset: min(max(offset, 0), text.count), line: location.line, column: location.column,
            excerpt: location.excerpt)
    }
}
