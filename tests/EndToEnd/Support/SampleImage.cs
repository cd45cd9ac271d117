using NitroEnclaves.Images;

namespace NitroEnclaves.EndToEnd.Tests;

/// <summary>The sample, published as its README says, in an image of ours; made once a run.</summary>
public sealed class SampleImage : IAsyncLifetime
{
    GuestImage? _image;

    /// <summary>With the enclave kernel.</summary>
    internal GuestImage Image => _image!;

    /// <summary>The folder of the published sample.</summary>
    internal static string Published { get; } = Path.Combine(Checkout.Scratch, "attester");

    /// <summary>A root file system with the sample in <c>/app</c>.</summary>
    internal static RootFileSystem Root()
    {
        var root = RootFileSystem.FromFolder(Checkout.RuntimeLibraries);
        root.AddFolder("app", Published);
        return root;
    }

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        await Checkout.PrepareAsync();
        await Tool.RunAsync(
            "dotnet", ["publish", Checkout.In("samples", "Attester"), "-c", "Release", "-o", Published, "-v", "quiet", "-nologo"]);
        _image = Build(KernelKind.Enclave);
    }

    /// <summary>With another kernel.</summary>
    internal GuestImage ImageWith(KernelKind kernel) => kernel == KernelKind.Enclave ? Image : Build(kernel);

    static GuestImage Build(KernelKind kernel) =>
        GuestImage.Build("attester", Root(), new ProgramDescription { Command = ["/app/Attester"] }, kernel);

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Directory.Delete(Path.Combine(Checkout.Scratch, "images"), recursive: true);
        return ValueTask.CompletedTask;
    }
}
