using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace NitroEnclaves.Images.Tests;

/// <summary>
/// The library is to run on macOS and Windows too, where nobody could try it: calls into Linux are marked as such, and the platform
/// analyzer (CA1416, an error here) then refuses every way to them without a check of the system.
/// </summary>
public sealed class PortabilityTests
{
    static readonly Assembly s_library = typeof(EifFile).Assembly;

    [Fact]
    public void Native_calls_are_marked_or_go_to_libraries_that_are_looked_for()
    {
        var calls = s_library.GetTypes()
            .SelectMany(type => type.GetMethods(BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            .Select(method => (Method: method, Import: method.GetCustomAttribute<DllImportAttribute>()))
            .Where(call => call.Import is not null)
            .ToList();

        Assert.NotEmpty(calls);
        foreach (var (method, import) in calls)
        {
            Assert.True(
                import!.Value == Interop.Zstd.Library || import.Value == Interop.Lzma.Library
                    || method.DeclaringType!.GetCustomAttribute<SupportedOSPlatformAttribute>() is { PlatformName: "linux" },
                $"{method.DeclaringType!.Name}.{method.Name} calls into {import.Value} on every system.");
        }
    }

    [Fact]
    public void Nothing_of_the_NSM_library_is_used_but_register_values()
    {
        using var file = new PEReader(File.OpenRead(s_library.Location));
        var metadata = file.GetMetadataReader();
        var used = metadata.TypeReferences.Select(metadata.GetTypeReference)
            .Where(type => metadata.GetString(type.Namespace) == "NitroEnclaves.Nsm")
            .Select(type => metadata.GetString(type.Name));

        Assert.Equal(["PcrValue"], used);
    }
}
