// A thread's unit -> the blocks of its reader: that unit alone, and all that follows once a text
// goes on after it.

import Transforms

final class UnitBlocks: InputBlocks {
    private let units: LineUnits
    private let goAlone: (Int) -> Bool
    private var index = 0
    private var block: InputBlock?
    private var file: FileBytes?
    private var isAlone = false

    /// - Parameter goAlone: ends the work of the other threads, when the unit of this number is the
    ///   first that is not written; false if it is not to be written.
    init(_ units: LineUnits, goAlone: @escaping (Int) -> Bool) {
        self.units = units
        self.goAlone = goAlone
    }

    /// - Returns: false if the unit is not to be processed.
    func begin(_ unit: LineUnits.Unit) -> Bool {
        index = unit.index
        block = unit.block
        file = unit.file
        if unit.complaints.isEmpty { return true }
        isAlone = goAlone(index)
        if isAlone { units.complain(unit.complaints) }
        return isAlone
    }

    /// Whether there are no further inputs, since a file could not be read.
    var isAfterFileError: Bool { isAlone && units.isAfterFileError && block == nil }

    func next() -> InputBlock? {
        if let given = block {
            block = nil
            return given
        }
        return isAlone ? units.nextBlock() : nil
    }

    func joined(_ block: InputBlock, from offset: Int) -> InputBlock? {
        if !isAlone { isAlone = goAlone(index) }
        return isAlone ? units.joined(block, from: offset) : nil
    }

    // What several threads read is given back when its outputs have been written.

    func giveBack(_ block: InputBlock) { if isAlone { units.giveBack(block) } }
    func pass(_ block: InputBlock, upto offset: Int) {
        // Of a file that is cut other threads have other parts.
        if isAlone { units.pass(block, upto: offset) } else { file?.pass(upto: offset) }
    }

    var limitMet: Limit { isAlone ? units.limitMet : .none }
    var trailingFileName: String? { isAlone ? units.trailingFileName : nil }
}
