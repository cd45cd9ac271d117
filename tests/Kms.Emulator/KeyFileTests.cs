using Amazon.KeyManagementService.Model;
using NitroEnclaves.Attestation;
using static NitroEnclaves.Kms.Emulator.Tests.EmulatedKms;

namespace NitroEnclaves.Kms.Emulator.Tests;

/// <summary>Keys that outlive the emulator.</summary>
public sealed class KeyFileTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("kms-keys-").FullName;

    static CancellationToken Token => TestContext.Current.CancellationToken;

    string File => Path.Combine(_folder, "keys.json");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Keys_in_a_file_are_there_again_with_their_policies_and_for_their_owner_alone()
    {
        byte[] ciphertext;
        await using (var first = await StartAsync(File))
        {
            (_, ciphertext) = await first.EncryptAsync(KeyPolicy.Default.Replace("kms:*", "kms:*crypt", StringComparison.Ordinal), [1, 2, 3]);
        }

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(File));
        Assert.Equal([File], Directory.EnumerateFileSystemEntries(_folder));
        await using var second = await StartAsync(File);
        var response = await second.Client().DecryptAsync(new DecryptRequest { CiphertextBlob = new MemoryStream(ciphertext) }, Token);
        Assert.Equal([1, 2, 3], response.Plaintext.ToArray());
        await Assert.ThrowsAnyAsync<Amazon.KeyManagementService.AmazonKeyManagementServiceException>(
            () => second.Client().DescribeKeyAsync(new DescribeKeyRequest { KeyId = response.KeyId }, Token));
    }

    [Fact]
    public async Task Without_a_file_keys_end_with_the_emulator()
    {
        byte[] ciphertext;
        await using (var first = await StartAsync())
        {
            (_, ciphertext) = await first.EncryptAsync(KeyPolicy.Default, [1]);
        }

        await using var second = await StartAsync();
        await Assert.ThrowsAsync<InvalidCiphertextException>(
            () => second.Client().DecryptAsync(new DecryptRequest { CiphertextBlob = new MemoryStream(ciphertext) }, Token));
    }

    [Fact]
    public async Task A_file_that_others_can_read_is_refused()
    {
        await System.IO.File.WriteAllTextAsync(File, "[]", Token);
        System.IO.File.SetUnixFileMode(File, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => StartAsync(File));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("[{}]")]
    [InlineData("[null]")]
    public async Task A_file_of_something_else_is_refused(string content)
    {
        await System.IO.File.WriteAllTextAsync(File, content, Token);
        System.IO.File.SetUnixFileMode(File, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await Assert.ThrowsAsync<InvalidDataException>(() => StartAsync(File));
    }

    [Fact]
    public async Task A_key_that_cannot_be_kept_is_not_made()
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder, "gone"));
        await using var kms = await StartAsync(Path.Combine(folder.FullName, "keys.json"));
        folder.Delete();
        var (status, answer) = await kms.PostAsync("TrentService.CreateKey", "{}");
        Assert.Equal(500, status);
        Assert.Contains("KMSInternalException", answer, StringComparison.Ordinal);
        Assert.DoesNotContain(_folder, answer, StringComparison.Ordinal);
        Assert.Contains(_folder, kms.Log, StringComparison.Ordinal);
        Assert.Equal((200, """{"Keys":[],"Truncated":false}"""), await kms.PostAsync("TrentService.ListKeys", "{}"));
    }

    [Fact]
    public async Task Nothing_to_listen_at_is_a_mistake()
    {
        using var authority = AttestationAuthority.CreateEphemeral();
        await Assert.ThrowsAsync<ArgumentException>(() => KmsEmulator.StartAsync(new KmsEmulatorOptions { Roots = [authority.Root], HttpPort = null }, Token));
        await Assert.ThrowsAsync<ArgumentException>(() => KmsEmulator.StartAsync(new KmsEmulatorOptions { Roots = [] }, Token));
    }
}
