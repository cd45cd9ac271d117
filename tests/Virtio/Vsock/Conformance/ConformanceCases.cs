using System.Reflection;

namespace NitroEnclaves.Virtio.Tests;

/// <summary>
/// The matrix of what a vsock back end must do, against any back end: case by name. The names of the files are the chapters.
/// </summary>
static class ConformanceCases
{
    static readonly Type[] Chapters = [typeof(ConnectCases), typeof(DataCases), typeof(CloseCases), typeof(HostileCases)];

    public static IReadOnlyDictionary<string, Action<VsockRig>> All { get; } = Chapters
        .SelectMany(chapter => chapter.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly))
        .ToDictionary(method => method.Name, method => method.CreateDelegate<Action<VsockRig>>());
}
