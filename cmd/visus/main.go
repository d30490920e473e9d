// Command visus examines vision models.
package main

func main() {}
