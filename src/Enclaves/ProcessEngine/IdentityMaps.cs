using System.Globalization;

namespace NitroEnclaves.Enclaves;

/// <summary>
/// Which users of the enclave are which of this machine. Root gives the enclave all of them; anybody else only has himself to give, who then
/// is the user that the image asks for.
/// </summary>
static class IdentityMaps
{
    /// <summary>Whether the enclave gets all users, so that files keep their owners and programs can change their user.</summary>
    public static bool HasAllUsers => Interop.geteuid() == 0;

    /// <summary>Writes the maps of a process that has just made a user namespace.</summary>
    /// <exception cref="EnclaveException">The kernel refuses (<see cref="EnclaveFailure.ProcessSpawn"/>).</exception>
    public static void Write(int process, EnclaveProgram? program)
    {
        try
        {
            if (HasAllUsers)
            {
                Write(process, "uid_map", "0 0 4294967295");
                Write(process, "gid_map", "0 0 4294967295");
                return;
            }

            Write(process, "setgroups", "deny");
            Write(process, "uid_map", string.Create(CultureInfo.InvariantCulture, $"{program?.User?.UserId ?? 0} {Interop.geteuid()} 1"));
            Write(process, "gid_map", string.Create(CultureInfo.InvariantCulture, $"{program?.User?.GroupId ?? 0} {Interop.getegid()} 1"));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new EnclaveException(
                EnclaveFailure.ProcessSpawn, $"The users of the enclave's namespace cannot be set: {exception.Message}", exception);
        }
    }

    static void Write(int process, string file, string text)
    {
        using var stream = new FileStream(
            string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/{file}"), FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        stream.Write(System.Text.Encoding.ASCII.GetBytes(text));
    }
}
