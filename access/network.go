package access

import "net/netip"

// Network returns what the sign-in throttle counts an address by: an IPv4 address itself, the /64 of an IPv6 one,
// because that is what one subscriber has at least. What is no address is returned as it is.
func Network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	return netip.PrefixFrom(ip, 64).Masked().String()
}
