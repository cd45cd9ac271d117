using NitroEnclaves.Virtio.Tests;

namespace NitroEnclaves.Enclaves.Tests;

/// <summary>The conformance cases against our own back end.</summary>
public sealed class VsockConformanceTests
{
    public static TheoryData<string> Cases => [.. ConformanceCases.All.Keys];

    [Theory, MemberData(nameof(Cases))]
    public void Conforms(string name)
    {
        using var rig = new RouterRig();
        ConformanceCases.All[name](rig);
    }
}
