namespace NitroEnclaves.Hosting;

/// <summary>
/// The home of the service's user. The runtime looks there for certificates whenever it builds a chain, even to serve one, and throws where
/// the user has no home at all, as in an image that is nothing but a published program: neither HOME nor /etc/passwd.
/// </summary>
static class HomeFolder
{
    /// <summary>Makes the root folder the home where there is none, as it is of the first process.</summary>
    public static void Ensure()
    {
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable("HOME")) && !File.Exists("/etc/passwd"))
        {
            Environment.SetEnvironmentVariable("HOME", "/");
        }
    }
}
