@main
enum TransformService {
    static func main() {}
}
