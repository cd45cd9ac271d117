using System.Globalization;

namespace NitroEnclaves.Enclaves;

/// <summary>The kernel's command line under an emulating engine: the measured one, then what is appended unmeasured (contracts).</summary>
static class EmulationCommandLine
{
    /// <summary>Puts the line together.</summary>
    /// <param name="measured">The image's own command line.</param>
    /// <param name="tscKilohertz">
    /// The frequency of the time stamp counter: without it the kernel measures it at boot, which fails or hangs on a loaded machine. Null
    /// leaves that to the kernel.
    /// </param>
    public static string Append(string measured, uint? tscKilohertz)
    {
        var tsc = tscKilohertz is { } frequency
            ? string.Create(CultureInfo.InvariantCulture, $" tsc=reliable tsc_early_khz={frequency}")
            : "";
        // The kernel counts some ticks of the timer, too few of which come from a starved emulator, and panics.
        return $"{measured}{tsc} cryptomgr.notests=1 no_timer_check".Trim();
    }
}
