namespace NitroEnclaves.Images;

/// <summary>What one pass over all bytes of an image gave.</summary>
/// <param name="Measurements">The registers' values.</param>
/// <param name="Crc32">The CRC-32 of the file's bytes.</param>
/// <param name="CrcMatches">True where that is the one in the header.</param>
public sealed record EifScan(EifMeasurements Measurements, uint Crc32, bool CrcMatches);
